// SPDX-License-Identifier: Apache-2.0
public import Kecs
import KecsSystem
public import SystemPackage

/// Where the server keeps its data, and whose it is.
extension DockerRuntime {
    public func statePlace() async throws -> Part.Place? {
        guard spec.isAdopted else { return nil }
        guard let container = try await find() else { throw noContainer() }
        return try await DockerMounts.statePlace(of: container, instance, volumes)
    }

    /// Returns the owner of the data. An adopted container runs as the user that its owner chose.
    public func dataOwner() async throws -> (user: UInt32, group: UInt32)? {
        guard !spec.isAdopted else { return nil }
        return try await serverUser(of: try await find()).map { ($0.user, $0.group) }
    }

    /// Returns the user from the settings, from the container or its image, or else the user of KECS's image; nil when
    /// it is not known.
    func serverUser(of container: DockerContainer?) async throws -> ServerUser? {
        if spec.isOwnerGiven { return ServerUser(user: spec.owner.user, group: spec.owner.group) }
        if let container { return try await docker.user(of: container) }
        if let image = try await docker.imageFacts(spec.image) {
            return ContainerUser(text: image.user).resolved(passwd: nil, group: nil)
        }
        return spec.isKECS ? ServerUser(user: spec.owner.user, group: spec.owner.group) : nil
    }

    public func parts() async throws -> [Part] {
        guard spec.isAdopted else {
            if let container = try await find() { try checkData(of: container) }
            var parts = try instance.folderParts()
            for volume in spec.volumes {
                parts.append(try DockerMounts.part(for: volume, besides: parts.map(\.name)))
            }
            // The volumes that docker made for a `VOLUME` of the image.
            if let container = try await find() {
                parts += DockerMounts(container.mounts.filter(\.isAnonymous)).volumes(besides: parts)
            }
            return try await volumes.located(parts)
        }
        guard let container = try await find() else { throw noContainer() }
        return try await volumes.located(DockerMounts(container.mounts).parts(of: instance))
    }

    /// Refuses a foreign container with the same name, whose server writes elsewhere: the folder here is not its state.
    ///
    /// - Throws: `Failure(.failed)`.
    private func checkData(of container: DockerContainer) throws {
        let isMounted = try container.mounts.contains { mount in
            guard mount.type == "bind", mount.destination == DockerSpec.dataFolder else { return false }
            return try FilePath(mount.source).isSameFolder(as: spec.data)
        }
        guard !isMounted else { return }
        var failure = Failure(
            .failed, "the container “\(container.name)” does not have the data of “\(instance.name)”",
            cause:
                "\(spec.data) is not mounted at its \(DockerSpec.dataFolder), so what its server wrote lies elsewhere",
            remedy: "docker container inspect \(container.name)")
        failure.isServersState = true
        throw failure
    }

    public func serverSetup() async throws -> ServerSetup {
        let setup = DockerSetup(docker: docker, instance: instance, volumes: volumes)
        let container = try await find()
        if spec.isAdopted {
            guard let container else { throw noContainer() }
            return try await setup.run(
                container, all: container.mounts, ownParts: nil, isKECS: container.isKECS)
        }
        var own = try instance.ownParts(dataInside: DockerSpec.dataFolder)
        var mounts = [ServerMount(source: .host(spec.data), inside: FilePath(DockerSpec.dataFolder))]
        for volume in spec.volumes {
            let part = try DockerMounts.part(for: volume, besides: own.map(\.part.name))
            own.append(
                InventoryPart(
                    part: part, role: PartRole(of: part, inside: volume.destination),
                    pathInside: volume.destination, presence: .missing))
            mounts.append(
                ServerMount(
                    source: volume.isFolder ? .host(FilePath(volume.source)) : .volume(volume.source),
                    inside: FilePath(volume.destination)))
        }
        let image = try await docker.imageFacts(spec.image)
        let isKECS = spec.isKECS || image?.isKECS == true ? true : nil
        if let container {
            return try await setup.run(
                container, all: container.mounts, ownParts: own, isKECS: isKECS)
        }
        let host = try await docker.host()
        return ServerSetup(
            parts: try await setup.located(own, on: host),
            variables: ["KECS_DATA_DIR": DockerSpec.dataFolder],
            mounts: mounts, user: try await serverUser(of: nil),
            engineHost: host, isKECS: isKECS)
    }

    public func holdsState() async throws -> Bool? {
        guard spec.isAdopted, let container = try await find() else { return nil }
        return try await volumes.holdState(DockerMounts(container.mounts).parts(of: instance))
    }

    public func folder(ofVolume name: String) async throws -> FilePath? { try await volumes.folder(of: name) }

    public func copyVolume(_ name: String, to tar: FilePath, limit: Duration) async throws {
        try await volumes.copy(name, to: tar, limit: limit)
    }

    public func makeReady(volume name: String) async throws { try await volumes.makeReady(name) }

    public func room(inVolume name: String) async throws -> VolumeRoom { try await volumes.room(in: name) }

    public func fillVolume(_ name: String, from archive: FilePath) async throws {
        try await volumes.fill(name, from: archive)
    }
}
