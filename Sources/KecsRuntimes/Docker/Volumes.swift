// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Kecs
import KecsSystem
import SystemPackage

/// The bytes of docker volumes: through the mount point where this process can reach it, else through a container that
/// is created and never started. No image is ever fetched for it.
struct Volumes: Sendable {
    let docker: Docker
    let instance: Instance
    /// The instance's own image, which is tried first; any other existing one will do.
    let image: String?
    private let freeSpace: @Sendable (FilePath) throws -> ByteCount

    init(_ machine: Machine, helpersOf instance: Instance, image: String?) {
        docker = Docker(machine)
        freeSpace = machine.freeSpace
        self.instance = instance
        self.image = image
    }

    static let mountPath = "/kecsctl-volume"
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

    func volume(_ name: String) async throws -> DockerVolume {
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

    // MARK: Helpers

    func helperArguments(_ volume: String?, isReadOnly: Bool) -> [String] {
        var words = ["--name", helperName, "--label", "\(DockerLabel.helper)=\(instance.config.id)"]
        if let volume {
            // `volume-nocopy`: an empty volume must not be filled from the image.
            let mount = "type=volume,source=\(volume),target=\(Self.mountPath),volume-nocopy"
            words += ["--mount", isReadOnly ? mount + ",readonly" : mount]
        }
        return words
    }

    func withHelper(
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
