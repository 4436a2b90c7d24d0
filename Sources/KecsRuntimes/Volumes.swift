// SPDX-License-Identifier: Apache-2.0
import Glibc
import Kecs
import KecsStorage
import KecsSystem
import SystemPackage

/// The bytes of docker volumes: through the mount point where this process can reach it, else through a container that
/// is created and never started. No image is ever fetched for it.
struct Volumes: Sendable {
    private let docker: Docker
    private let instance: Instance
    /// The instance's own image, tried first; any other that is there does as well.
    private let image: String?

    init(_ docker: Docker, helpersOf instance: Instance, image: String?) {
        self.docker = docker
        self.instance = instance
        self.image = image
    }

    private static let mountPath = "/kecsctl-volume"
    private var helperName: String { "kecs-\(instance.name)-volume" }

    /// Nil when the tree cannot be reached here: another user's, an engine in a virtual machine, a volume that is only
    /// mounted while it is used.
    func folder(of name: String) async throws -> FilePath? {
        let volume = try await volume(name)
        guard volume.isPlainFolder, DockerEndpoint(try await docker.endpoint()).socket != nil else {
            return nil
        }
        let folder = FilePath(volume.mountPoint)
        guard folder.withPlatformString({ access($0, R_OK | X_OK) }) == 0, folder.isFolder else { return nil }
        // An engine in a virtual machine may name a path that something else has here.
        guard try await docker.isOnThisKernel() else { return nil }
        return folder
    }

    private func volume(_ name: String) async throws -> DockerVolume {
        guard let volume = try await docker.volume(name) else {
            throw Failure(
                .notFound, "there is no docker volume “\(name)”",
                cause: "“\(instance.name)” keeps data in it",
                remedy: "kecsctl start \(instance.name)")
        }
        return volume
    }

    /// Whether any of the parts but the configuration holds something. What cannot be looked into counts as full.
    func holdState(_ parts: [Part]) async throws -> Bool {
        for part in parts where part.name != "config" {
            let folder: FilePath?
            switch part.place {
            case .folder(let place): folder = place
            case .volume(let name, _):
                guard try await docker.volume(name) != nil else { continue }
                folder = try await self.folder(of: name)
                if folder == nil { return true }
            case .entries: continue
            }
            if let folder, folder.isPresent, try !folder.entries().isEmpty { return true }
        }
        return false
    }

    /// The same parts, with the place of each volume that can be reached.
    func located(_ parts: [Part]) async throws -> [Part] {
        var located: [Part] = []
        for part in parts {
            guard case .volume(let name, _) = part.place else {
                located.append(part)
                continue
            }
            located.append(Part(name: part.name, place: .volume(name, at: try await folder(of: name))))
        }
        return located
    }

    // MARK: Copy

    /// An uncompressed tar of the volume, with numeric owners.
    func copy(_ name: String, to tar: FilePath, limit: Duration) async throws {
        _ = try await volume(name)
        try await withHelper(name, isReadOnly: true) { helper in
            let file = try FileDescriptor.open(
                tar, .writeOnly, options: [.create, .exclusiveCreate], permissions: [.ownerReadWrite])
            do {
                try await docker.copyOut("\(Self.mountPath)/.", of: helper, limit: limit) { bytes in
                    do {
                        _ = try file.writeAll(bytes)
                    } catch let error as Errno {
                        throw FileError("write to", tar, error)
                    }
                }
                // Go's tar writer leaves out what POSIX's fills a record of 20 blocks up with.
                let size = try FileStatus.of(descriptor: file.rawValue, at: tar).size
                _ = try file.writeAll([UInt8](repeating: 0, count: Int((10_240 - size % 10_240) % 10_240)))
                try file.close()
            } catch {
                try? file.close()
                throw error
            }
        }
    }

    // MARK: Fill

    func makeReady(_ name: String) async throws {
        if try await docker.volume(name) == nil {
            try await docker.createVolume(
                name, arguments: ["--label", "\(DockerLabel.instance)=\(instance.name)"])
        }
        for container in try await docker.inspect(try await docker.containers().map(\.id)) {
            guard container.isUp, container.mounts.contains(where: { $0.name == name }),
                !isOwn(container)
            else { continue }
            throw Failure(
                .busy, "the volume “\(name)” is used by the container “\(container.name)”",
                cause: "it runs, and would see its files change under it",
                remedy: "docker container stop \(container.name)")
        }
        if try await folder(of: name) != nil { return }
        guard try await imageWithShell() != nil else {
            throw Failure(
                .failed, "the volume “\(name)” cannot be emptied for the restore",
                cause:
                    "its mount point cannot be reached by this user, and no image on this machine has a shell",
                remedy: "sudo kecsctl restore \(instance.name) --from latest")
        }
    }

    private func isOwn(_ container: DockerContainer) -> Bool {
        container.labels[DockerLabel.id] == instance.config.id
            || container.name == instance.config.settings[SettingKey.container.rawValue]?.string
            || ComposeLabel.project(of: container.labels)
                == instance.config.settings[SettingKey.composeProject.rawValue]?.string
                && ComposeLabel.project(of: container.labels) != nil
    }

    /// Empties the volume and unpacks the archive into it.
    func fill(_ name: String, from archive: FilePath) async throws {
        _ = try await volume(name)
        guard let image = try await imageWithShell() else {
            throw Failure(
                .failed, "the volume “\(name)” cannot be emptied", cause: "no image here has a shell")
        }
        // Names that no file has stay as patterns; `rm -f` does not mind.
        let script = "cd \(Self.mountPath) && rm -rf -- ..?* .[!.]* * && test -z \"$(ls -A)\""
        guard try await runShell(script, image: image, volume: name) else {
            throw Failure(.failed, "the volume “\(name)” could not be emptied")
        }
        try await withHelper(name, isReadOnly: false) { helper in
            try await docker.copyIn(archive, to: Self.mountPath, of: helper)
        }
    }

    private func imageWithShell() async throws -> String? {
        for image in try await images() where try await runShell("true", image: image, volume: nil) {
            return image
        }
        return nil
    }

    private func images() async throws -> [String] {
        var images = try await docker.images()
        if let image, let own = try await docker.image(image) { images.insert(own, at: 0) }
        return images
    }

    private func runShell(_ script: String, image: String, volume: String?) async throws -> Bool {
        try await removeHelpers()
        let arguments =
            helperArguments(volume, isReadOnly: false) + [
                "--network", "none", "--user", "0:0", "--entrypoint", "/bin/sh", image, "-c", script,
            ]
        let ended = try await docker.runToEnd(arguments)
        try await removeHelpers()
        return ended
    }

    // MARK: Helpers

    private func helperArguments(_ volume: String?, isReadOnly: Bool) -> [String] {
        var words = ["--name", helperName, "--label", "\(DockerLabel.helper)=\(instance.config.id)"]
        if let volume {
            // `volume-nocopy`: an empty volume must not be filled from the image.
            let mount = "type=volume,source=\(volume),target=\(Self.mountPath),volume-nocopy"
            words += ["--mount", isReadOnly ? mount + ",readonly" : mount]
        }
        return words
    }

    private func withHelper(
        _ volume: String, isReadOnly: Bool, _ body: (String) async throws -> Void
    ) async throws {
        try await removeHelpers()
        guard let image = try await images().first else {
            throw Failure(
                .failed, "the volume “\(volume)” cannot be reached",
                cause:
                    "its mount point is not open to this user, and there is no image to make a container of",
                remedy: "sudo kecsctl backup \(instance.name)")
        }
        let helper = try await docker.create(
            helperArguments(volume, isReadOnly: isReadOnly) + ["--network", "none", image, "true"])
        do {
            try await body(helper)
        } catch {
            try await docker.remove(helper)
            throw error
        }
        try await docker.remove(helper)
    }

    /// Those that a killed run left.
    func removeHelpers() async throws {
        for container in try await docker.containers() where container.helper == instance.config.id {
            guard !container.helper.isEmpty else { continue }
            try await docker.remove(container.id)
        }
    }
}
