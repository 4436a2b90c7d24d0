// SPDX-License-Identifier: Apache-2.0
public import Kecs
import KecsSystem
public import SystemPackage

/// The places where the project keeps its data, and their content.
extension ComposeRuntime {
    public func statePlace() async throws -> Part.Place? {
        if let container = try await containers().first(where: isControlPlane) {
            return try await DockerMounts.statePlace(of: container, instance, volumes)
        }
        let config = try await compose(for: []).config()
        let control = try controlPlane(of: config)
        if let folder = dataFolder(control) { return .folder(folder) }
        let inside = DockerMounts.dataFolder(of: control.environment)
        guard let mount = config.dockerMounts(of: [control]).first(where: { $0.destination == inside }),
            let name = mount.name
        else { throw DockerMounts.noMount(inside, of: control.name, instance) }
        // Nobody has started the project yet, so the volume may not be there.
        let exists = try await docker.volume(name) != nil
        return .volume(name, at: exists ? try await volumes.folder(of: name) : nil)
    }

    /// Whom the service runs as; the same that a new data folder is given to.
    public func dataOwner() async throws -> (user: UInt32, group: UInt32)? {
        let config = try await compose(for: containers()).config()
        return try await owner(of: controlPlane(of: config)).map { ($0.user, $0.group) }
    }

    /// What was given, what the container or the file says, else the user of KECS's image; nil when it is not known.
    func owner(of control: ComposeProject.Service) async throws -> DockerOwner? {
        if let given = try instance.settings.text(.owner) { return try DockerOwner(given) }
        if let container = try await containers().first(where: isControlPlane) {
            return try await docker.user(of: container).map { DockerOwner(user: $0.user, group: $0.group) }
        }
        let image = try await image(of: control)
        if let text = control.user ?? image?.user {
            let user = ContainerUser(text: text).resolved(passwd: nil, group: nil)
            return user.map { DockerOwner(user: $0.user, group: $0.group) }
        }
        return DockerContainer.isKECS(image: control.image ?? "") ? DockerSpec.defaultOwner : nil
    }

    func image(of control: ComposeProject.Service) async throws -> DockerImage? {
        guard let name = control.image else { return nil }
        return try await docker.imageFacts(name)
    }

    public func serverSetup() async throws -> ServerSetup {
        let setup = DockerSetup(docker: docker, instance: instance, volumes: volumes)
        let all = try await containers()
        if let container = all.first(where: isControlPlane) {
            var found = try await setup.run(
                container, all: all.flatMap(\.mounts), ownParts: nil, isKECS: container.isKECS)
            let chosen = Set(try await parts().map(\.name))
            // A label chooses among the volumes.
            if try instance.settings.text(.volumeLabel) != nil {
                found.parts.removeAll { part in
                    if case .volume = part.part.place { !chosen.contains(part.part.name) } else { false }
                }
            }
            return found
        }
        let config = try await compose(for: []).config()
        let control = try controlPlane(of: config)
        let active = config.dockerMounts(of: config.active(given.profiles))
        let image = try await image(of: control)
        let parts = try DockerMounts(active).inventory(of: instance, besides: [])
        let variables = (image?.variables ?? [:]).merging(control.environment) { _, own in own }
        let host = try await docker.host()
        return ServerSetup(
            parts: try await setup.located(parts, on: host), variables: variables,
            workingFolder: image.flatMap { $0.workingFolder.isEmpty ? nil : FilePath($0.workingFolder) },
            mounts: config.dockerMounts(of: [control]).compactMap(\.server),
            user: try await owner(of: control).map { ServerUser(user: $0.user, group: $0.group) },
            engineHost: host,
            isKECS: DockerContainer.isKECS(image: control.image ?? "")
                || variables.keys.contains { $0.hasPrefix("KECS_") })
    }

    /// What the containers really have, or before there are any, what the file says.
    public func parts() async throws -> [Part] {
        let all = try await containers()
        let mounts = try await mounts(all)
        var parts = try DockerMounts(mounts).parts(of: instance)
        if let label = try instance.settings.text(.volumeLabel) { parts = try await chosen(parts, by: label) }
        return try await volumes.located(parts)
    }

    func mounts(_ all: [DockerContainer]) async throws -> [DockerContainer.Mount] {
        if !all.isEmpty { return all.flatMap(\.mounts) }
        let config = try await compose(for: []).config()
        return config.dockerMounts(of: config.active(given.profiles))
    }

    /// Folders, and the volumes with the label.
    func chosen(_ parts: [Part], by label: String) async throws -> [Part] {
        let pair = label.split(separator: "=", maxSplits: 1).map(String.init)
        var chosen: [Part] = []
        for part in parts {
            guard case .volume(let name, _) = part.place else {
                chosen.append(part)
                continue
            }
            let labels = try await docker.volume(name)?.labels ?? [:]
            if let key = pair.first, let value = labels[key], pair.count == 1 || value == pair[1] {
                chosen.append(part)
            }
        }
        return chosen
    }

    public func holdsState() async throws -> Bool? {
        let all = try await containers()
        let mounts = try await mounts(all)
        return try await volumes.holdState(DockerMounts(mounts).parts(of: instance))
    }

    public func folder(ofVolume name: String) async throws -> FilePath? { try await volumes.folder(of: name) }

    public func copyVolume(_ name: String, to tar: FilePath, limit: Duration) async throws {
        try await volumes.copy(name, to: tar, limit: limit)
    }

    public func makeReady(volume name: String) async throws {
        try await volumes.makeReady(name, as: try await description(ofVolume: name))
    }

    /// As compose itself would make it; nil for one that is not the project's, or while nobody knows the project.
    func description(ofVolume volumeName: String) async throws -> [String]? {
        guard try await docker.volume(volumeName) == nil else { return nil }
        let compose = try await compose(for: containers())
        guard try compose.given.files.allSatisfy({ try $0.isPresent }) else { return nil }
        guard
            let (key, volume) = try await compose.config().volumes.first(where: {
                $0.value.name == volumeName && !$0.value.isExternal
            })
        else { return nil }
        var labels = volume.labels
        labels[ComposeLabel.project] = try await name.run()
        labels[ComposeLabel.volume] = key
        labels[ComposeLabel.version] = try await compose.version()
        return (volume.driver.map { ["--driver", $0] } ?? [])
            + volume.options.sorted { $0.key < $1.key }.flatMap { ["--opt", "\($0.key)=\($0.value)"] }
            + labels.sorted { $0.key < $1.key }.flatMap { ["--label", "\($0.key)=\($0.value)"] }
    }

    public func room(inVolume name: String) async throws -> VolumeRoom { try await volumes.room(in: name) }

    public func fillVolume(_ name: String, from archive: FilePath) async throws {
        try await volumes.fill(name, from: archive)
    }
}
