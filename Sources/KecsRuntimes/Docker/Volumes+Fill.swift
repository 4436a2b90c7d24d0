// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Kecs
import KecsSystem
import SystemPackage

/// Replacing what is in a volume, through a helper container.
extension Volumes {
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

    func isOwn(_ container: DockerContainer) -> Bool {
        container.labels[DockerLabel.id] == instance.config.id
            || container.labels[K3dCreate.ownerLabel] == instance.config.id
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
    enum Broom {
        /// This machine's own `find`, bound into a container with its libraries: the image need hold no program at all.
        case host(image: String)
        case shell(image: String)
    }

    /// Returns the first program that runs.
    func broom() async throws -> Broom? {
        let images = try await images()
        if let image = images.first, DockerEndpoint(try await docker.endpoint()).socket != nil,
            try await docker.isOnThisMachine(), try await run(.host(image: image), in: nil)
        {
            return .host(image: image)
        }
        for image in images where try await run(.shell(image: image), in: nil) { return .shell(image: image) }
        return nil
    }

    func images() async throws -> [String] {
        var images = try await docker.images()
        if let image, let own = try await docker.image(image) { images.insert(own, at: 0) }
        return images
    }

    /// - Parameter volume: The volume to empty; nil only tries whether it would work.
    /// - Returns: True when the program ran and succeeded: then nothing is left in the volume.
    func run(_ broom: Broom, in volume: String?) async throws -> Bool {
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
    static var programFolders: [String] {
        get throws { try ["/usr", "/bin", "/lib", "/lib64"].filter { try FilePath($0).isFolder } }
    }
}
