// SPDX-License-Identifier: Apache-2.0
public import Kecs
public import KecsSystem
import SystemPackage

/// Creates the container, and recreates it when its image or its settings have changed.
extension DockerRuntime {
    public func prepare() async throws -> [SettingKey: JSONValue] {
        let all = try await docker.containers()
        let existing = all.first { $0.name == spec.container }
        if spec.isAdopted {
            guard let existing, let container = try await docker.container(existing.id) else {
                throw noContainer()
            }
            guard existing.instance.isEmpty else {
                throw Failure(
                    .busy, "the container “\(existing.name)” belongs to the instance “\(existing.instance)”",
                    remedy: "kecsctl status \(existing.instance)")
            }
            return DockerMounts(container.mounts).adopted(container)
        }
        // One of our own that a migration to another runtime was rolled back from is used again.
        let isOwn = existing?.instanceID == instance.config.id && !instance.config.id.isEmpty
        if let existing, !isOwn {
            throw Failure(
                .busy, "a container “\(existing.name)” exists already",
                cause: existing.instance.isEmpty
                    ? "kecsctl did not make it" : "it belongs to the instance “\(existing.instance)”",
                remedy: "kecsctl start \(instance.name) --runtime docker --container \(existing.name)")
        }
        try await checkDataFolder(all)
        for port in [spec.apiPort, spec.adminPort].compactMap({ $0 }) {
            try DockerPorts.check(UInt16(clamping: port), address: spec.address, of: instance)
        }
        try checkOwner()
        try await checkImage()
        return [:]
    }

    /// Refuses a second server on one data folder: two servers destroy the database, no matter who started them.
    private func checkDataFolder(_ all: [Docker.Listed]) async throws {
        for container in try await docker.inspect(all.map(\.id))
        where container.labels[DockerLabel.helper] == nil {
            guard container.labels[DockerLabel.id] != instance.config.id || instance.config.id.isEmpty else {
                continue
            }
            // The project that the instance ran as before; it is stopped now.
            let project = instance.config.settings[SettingKey.composeProject.rawValue]?.string
            if let project, ComposeLabel.project(of: container.labels) == project, !container.isUp {
                continue
            }
            // The cluster that it ran in before: its nodes keep the data mounted until it is given up.
            let owner = container.labels[K3dCreate.ownerLabel]
            if owner == instance.config.id, !instance.config.id.isEmpty, !container.isUp { continue }
            for mount in container.mounts where mount.type == "bind" && mount.isWritable {
                let other = FilePath(mount.source)
                guard try other.isSameFolder(as: spec.data) || spec.data.starts(with: other) else { continue }
                // A mount of `/` or `/home` in some container is no claim on the folders below.
                guard
                    try other.isSameFolder(as: spec.data)
                        || container.state.status == "running" && mount.holdsState
                else { continue }
                throw Failure(
                    .busy,
                    "the data folder of “\(instance.name)” is used by the container “\(container.name)”",
                    cause: "it has \(mount.source) at \(mount.destination)",
                    remedy: "kecsctl start \(instance.name) --data-dir \(spec.data)-\(instance.name)")
            }
        }
    }

    private func checkOwner() throws {
        guard Machine.userID != 0, spec.isOwnerGiven || spec.isKECS, spec.owner.user != Machine.userID else {
            return
        }
        throw Failure(
            .usage, "the data folder of “\(instance.name)” cannot be given to user \(spec.owner.user)",
            cause: "only root can give files away, and the container runs as \(spec.owner)",
            remedy:
                "kecsctl start \(instance.name) --runtime docker --owner \(Machine.userID):\(Machine.groupID)"
        )
    }

    /// Checks that the image is here, or can be fetched.
    func checkImage() async throws {
        if try await docker.image(spec.image) != nil { return }
        machine.progress.step("fetching the image \(spec.image)", total: nil)
        let pulled = try await docker.pull(spec.image)
        guard pulled.succeeded, try await docker.image(spec.image) != nil else {
            throw Failure(
                .failed, "there is no image “\(spec.image)”",
                cause: "it is not on this machine, and could not be fetched: \(pulled.complaint)",
                remedy: "docker pull \(spec.image)")
        }
    }

    // MARK: Create

    /// - Parameter attached: The anonymous volumes of the container that this one replaces: `NAME:PATH`.
    func create(attached: [VolumeMount] = []) async throws -> String {
        try makeDataFolder()
        for volume in spec.volumes where !volume.isFolder {
            guard try await docker.volume(volume.source) == nil else { continue }
            try await docker.createVolume(
                volume.source, arguments: ["--label", "\(DockerLabel.instance)=\(instance.name)"])
        }
        var arguments = try await arguments()
        let image = arguments.removeLast()
        for mount in attached { arguments += ["--mount", mount.argument] }
        let id = try await docker.create(arguments + [image])
        guard !spec.isOwnerGiven, !spec.isKECS else { return id }
        do {
            // Any other image names its server's user itself, in its own names.
            if let container = try await docker.container(id), let user = try await docker.user(of: container)
            {
                try giveDataFolder(to: DockerOwner(user: user.user, group: user.group))
            }
        } catch {
            try await docker.remove(id)
            throw error
        }
        return id
    }

    public func makePlaces() async throws {
        guard !spec.isAdopted, try await find() == nil else { return }
        try await checkImage()
        _ = try await create()
    }

    private func arguments() async throws -> [String] {
        var socket: (path: FilePath, group: UInt32)?
        if let path = DockerEndpoint(try await docker.endpoint()).socket,
            let status = try FileStatus.following(path), status.kind == .socket
        {
            socket = (path, status.group)
        }
        return spec.arguments(for: instance, socket: socket)
    }

    /// With the owner that the server runs as, before docker would make it root's. One that is not empty is
    /// left as it is: whose it is, `doctor` tells.
    private func makeDataFolder() throws {
        let folder = spec.data
        if try !folder.isPresent { try folder.createFolder(mode: 0o755) }
        if spec.isOwnerGiven || spec.isKECS { try giveDataFolder(to: spec.owner) }
    }

    private func giveDataFolder(to owner: DockerOwner) throws {
        let folder = spec.data
        guard try folder.entries().isEmpty, try FileStatus.following(folder)?.owner != owner.user else {
            return
        }
        try folder.setOwner((owner.user, owner.group))
        guard let status = try FileStatus.following(folder), status.owner == owner.user else {
            throw Failure(
                .failed, "the data folder \(folder) cannot be given to user \(owner.user)",
                cause: "only root can give files away",
                remedy: "kecsctl start \(instance.name) --owner \(Machine.userID):\(Machine.groupID)")
        }
    }

    // MARK: Replace

    /// Recreates a stopped container of ours when its settings or its image have changed. The new one gets its
    /// anonymous volumes.
    ///
    /// - Returns: The id of the container to start.
    func refresh(_ container: DockerContainer) async throws -> String {
        guard container.labels[DockerLabel.id] == instance.config.id, !spec.isAdopted,
            let image = try await docker.image(spec.image)
        else { return container.id }
        let digest = try await arguments().first { $0.hasPrefix("\(DockerLabel.spec)=") }
        let isSame = digest == "\(DockerLabel.spec)=\(container.labels[DockerLabel.spec] ?? "")"
        if isSame, image == container.image { return container.id }
        return try await replace(container)
    }

    /// Replaces a container. The new one gets its name at once; the old one is removed only when the new one is
    /// complete.
    ///
    /// - Returns: The id of the new one.
    private func replace(_ container: DockerContainer) async throws -> String {
        let attached = try anonymousVolumes(of: container)
        if container.name != previousName { try await docker.rename(container.id, to: previousName) }
        let new: String
        do {
            new = try await create(attached: attached)
        } catch {
            try await docker.rename(container.id, to: spec.container)
            throw error
        }
        try await docker.remove(container.id)
        return new
    }

    private func anonymousVolumes(of container: DockerContainer) throws -> [VolumeMount] {
        let known = [DockerSpec.dataFolder] + spec.volumes.map(\.destination)
        return try container.mounts.filter { $0.type == "volume" && !known.contains($0.destination) }
            .compactMap { mount in try mount.name.map { try VolumeMount("\($0):\(mount.destination)") } }
    }

    /// Ends a killed replacement: either the new container is complete, or the old one gets its name back.
    func dropPrevious() async throws {
        let all = try await docker.containers()
        guard let previous = all.first(where: { $0.name == previousName }),
            previous.instanceID == instance.config.id, !previous.instanceID.isEmpty
        else { return }
        if all.contains(where: { $0.name == spec.container }) {
            try await docker.remove(previous.id)
        } else {
            try await docker.rename(previous.id, to: spec.container)
        }
    }
}

extension DockerRuntime: RebuildableRuntime {
    /// False for an adopted container: the way in which it was made is not known here.
    public var isRebuildable: Bool { !spec.isAdopted }

    public func rebuild(limit: Duration) async throws {
        try await stop(limit: limit)
        if let container = try await find() { _ = try await replace(container) }
        try await start(limit: limit)
    }

    public func removeAndReturn(limit: Duration) async throws {
        try await stop(limit: limit)
        guard let container = try await find() else { return try await start(limit: limit) }
        let attached = try anonymousVolumes(of: container)
        try await docker.remove(container.id)
        _ = try await create(attached: attached)
        try await start(limit: limit)
    }
}
