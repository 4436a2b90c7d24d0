// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Kecs
import KecsSystem
import SystemPackage

/// The bytes of docker volumes: through the mount point where this process can reach it, else through a container that
/// is created and never started. No image is ever fetched for it.
struct Volumes: Sendable {
    private let docker: Docker
    private let instance: Instance
    /// The instance's own image, which is tried first; any other existing one will do.
    private let image: String?
    private let freeSpace: @Sendable (FilePath) throws -> ByteCount

    init(_ machine: Machine, helpersOf instance: Instance, image: String?) {
        docker = Docker(machine)
        freeSpace = machine.freeSpace
        self.instance = instance
        self.image = image
    }

    private static let mountPath = "/kecsctl-volume"
    /// The name contains the instance's id: “kecs-dev-volume” would be the container of an instance “dev-volume”, and
    /// another home may have a “dev”, too.
    private var helperName: String { "kecsctl-helper-\(instance.config.id)" }

    /// Returns the folder; nil when the tree cannot be reached here: another user's, an engine in a virtual machine, a
    /// volume that is only mounted while it is used.
    func folder(of name: String) async throws -> FilePath? {
        let volume = try await volume(name)
        guard let folder = try place(of: volume) else { return nil }
        // An engine in a virtual machine may name a path that is something else here.
        guard try await docker.isOnThisMachine() else { return nil }
        return folder
    }

    /// Returns the folder at which this user could open its tree, if the engine is on this machine.
    func place(of volume: DockerVolume) throws -> FilePath? {
        guard volume.isPlainFolder else { return nil }
        let folder = FilePath(volume.mountPoint)
        guard folder.withPlatformString({ paths_access($0, R_OK | X_OK) }) == 0, try folder.isFolder else {
            return nil
        }
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

    /// Returns true when any of the parts but the configuration holds something. A part that cannot be examined counts
    /// as full.
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
            if let folder, try folder.isPresent, try !folder.entries().isEmpty { return true }
        }
        return false
    }

    /// Returns the parts, with the place of each volume that can be reached.
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
            let opened = tar.withPlatformString {
                paths_open($0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
            }
            guard opened >= 0 else { throw FileError.last("create", tar) }
            let file = FileDescriptor(rawValue: opened)
            do {
                try await docker.copyOut("\(Self.mountPath)/.", of: helper, limit: limit) { bytes in
                    do {
                        _ = try file.writeAll(bytes)
                    } catch let error as Errno {
                        throw FileError("write to", tar, error)
                    }
                }
                // Go's tar writer leaves out the padding with which POSIX's fills a record of 20 blocks.
                let size = try FileStatus.of(descriptor: file.rawValue, at: tar).size
                _ = try file.writeAll([UInt8](repeating: 0, count: Int((10_240 - size % 10_240) % 10_240)))
                try file.close()
            } catch {
                try? file.close()
                throw error
            }
        }
    }

    // MARK: Room

    func room(in name: String) async throws -> VolumeRoom {
        let volume = try await volume(name)
        return VolumeRoom(
            used: try await docker.size(ofVolume: name), free: try await freeSpace(for: volume),
            remedy: "docker system df")
    }

    /// Returns the free space on the file system of the volume's bytes; nil when that is not known here.
    private func freeSpace(for volume: DockerVolume) async throws -> ByteCount? {
        var place = FilePath(volume.mountPoint)
        if let device = volume.options?["device"], device.hasPrefix("/"), volume.options?["type"] == "none" {
            place = FilePath(device)
        } else if !volume.isPlainFolder {
            return nil
        }
        guard DockerEndpoint(try await docker.endpoint()).socket != nil, try await docker.isOnThisMachine()
        else { return nil }
        // The engine hides its folder from other users, but everyone may ask for its file system's free space.
        while place.withPlatformString({ paths_access($0, F_OK) }) != 0, place != "/" {
            place = place.removingLastComponent()
        }
        return try freeSpace(place)
    }

    // MARK: Fill

    /// - Parameter description: The arguments of `docker volume create` for a volume that does not exist.
    func makeReady(_ name: String, as description: [String]? = nil) async throws {
        if try await docker.volume(name) == nil {
            try await docker.createVolume(
                name,
                arguments: description ?? ["--label", "\(DockerLabel.instance)=\(instance.name)"])
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
        guard try await broom() != nil else {
            throw Failure(
                .failed, "the volume “\(name)” cannot be emptied for the restore",
                cause:
                    "its mount point cannot be reached by this user, and no container can be made that could: "
                    + "neither this machine's programs nor those of an image run in one",
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

    /// Empties the volume and unpacks the archive into it. The removed content is in the backup from before.
    func fill(_ name: String, from archive: FilePath) async throws {
        _ = try await volume(name)
        guard let broom = try await broom() else {
            throw Failure(
                .failed, "the volume “\(name)” cannot be emptied",
                cause: "no program that could do it runs in a container here")
        }
        guard try await run(broom, in: name) else {
            throw Failure(.failed, "the volume “\(name)” could not be emptied")
        }
        try await withHelper(name, isReadOnly: false) { helper in
            try await docker.copyIn(archive, to: Self.mountPath, of: helper)
        }
    }

    /// The program that can empty a folder in a container of an image that is here.
    private enum Broom {
        /// This machine's own `find`, bound into a container with its libraries: the image need hold no program at all.
        case host(image: String)
        case shell(image: String)
    }

    /// Returns the first program that runs.
    private func broom() async throws -> Broom? {
        let images = try await images()
        if let image = images.first, DockerEndpoint(try await docker.endpoint()).socket != nil,
            try await docker.isOnThisMachine(), try await run(.host(image: image), in: nil)
        {
            return .host(image: image)
        }
        for image in images where try await run(.shell(image: image), in: nil) { return .shell(image: image) }
        return nil
    }

    private func images() async throws -> [String] {
        var images = try await docker.images()
        if let image, let own = try await docker.image(image) { images.insert(own, at: 0) }
        return images
    }

    /// - Parameter volume: The volume to empty; nil only tries whether it would work.
    /// - Returns: True when the program ran and succeeded: then nothing is left in the volume.
    private func run(_ broom: Broom, in volume: String?) async throws -> Bool {
        try await removeHelpers()
        var words = helperArguments(volume, isReadOnly: false) + ["--network", "none", "--user", "0:0"]
        switch broom {
        case .host(let image):
            for folder in try Self.programFolders {
                words += ["--mount", VolumeMount.bind(folder, folder) + ",readonly"]
            }
            words += ["--entrypoint", "/usr/bin/find", image]
            words += volume == nil ? ["/", "-maxdepth", "0"] : [Self.mountPath, "-mindepth", "1", "-delete"]
        case .shell(let image):
            // Patterns that match no file stay as they are; `rm -f` ignores them.
            let script = "cd \(Self.mountPath) && rm -rf -- ..?* .[!.]* * && test -z \"$(ls -A)\""
            words += ["--entrypoint", "/bin/sh", image, "-c", volume == nil ? "true" : script]
        }
        let ended = try await docker.runToEnd(words)
        try await removeHelpers()
        return ended
    }

    /// The folders of programs and their libraries, on systems with and without a merged `/usr`.
    private static var programFolders: [String] {
        get throws { try ["/usr", "/bin", "/lib", "/lib64"].filter { try FilePath($0).isFolder } }
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
            await drop(helper)
            throw error
        }
        await drop(helper)
    }

    /// Removes a helper. A failure does no harm: the next one, and `thaw`, remove it.
    private func drop(_ helper: String) async {
        do { try await docker.removeWithVolumes(helper) } catch { return }
    }

    /// Removes the helpers that a killed run left.
    func removeHelpers() async throws {
        for container in try await docker.containers() where container.helper == instance.config.id {
            guard !container.helper.isEmpty else { continue }
            try await docker.removeWithVolumes(container.id)
        }
    }
}
