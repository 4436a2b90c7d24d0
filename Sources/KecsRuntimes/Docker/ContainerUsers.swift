// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// Finds the running containers that have something of an instance mounted and are not its own.
struct ContainerUsers: Sendable {
    let docker: Docker
    let instance: Instance
    /// The ids of containers that its runtime knows as its own, whatever their labels.
    var own: Set<String> = []

    func run(_ parts: [Part]) async throws -> OtherContainers {
        var found = OtherContainers(ending: ["docker", "container", "stop"])
        let all = try await docker.inspect(try await docker.containers().map(\.id)).filter(\.isUp)
        found.names = Dictionary(all.map { ($0.id, $0.name) }) { first, _ in first }
        found.own = own.union(all.filter(isOwn).map(\.id))
        let places = try await parts.asyncMap(place)
        for container in all where !found.own.contains(container.id) {
            for mount in container.mounts where places.contains(where: { $0.isTouched(by: mount) }) {
                let source = mount.type == "volume" ? "the volume \(mount.name ?? "")" : mount.source
                found.users.append(
                    .init(
                        id: container.id, name: container.name,
                        mount: "\(source) mounted at \(mount.destination)", mayWrite: mount.isWritable))
                break
            }
        }
        return found
    }

    private func isOwn(_ container: DockerContainer) -> Bool {
        let id = instance.config.id
        if !id.isEmpty,
            [DockerLabel.id, DockerLabel.helper, K3dCreate.ownerLabel].contains(where: {
                container.labels[$0] == id
            })
        {
            return true
        }
        switch instance.config.runtime {
        case .docker: return container.name == instance.config.settings[SettingKey.container.rawValue]?.string
        case .k3d: return container.labels[K3dLabel.cluster] == "kecs-\(instance.name)"
        case .compose:
            let project = ComposeLabel.project(of: container.labels)
            return project != nil
                && project == instance.config.settings[SettingKey.composeProject.rawValue]?.string
        case .local: return false
        }
    }

    /// The place of a part, on the engine's machine.
    private struct Place: Sendable {
        var volume: String?
        var folder: FilePath?

        func isTouched(by mount: DockerContainer.Mount) -> Bool {
            if mount.type == "volume", let volume, mount.name == volume { return true }
            guard let folder, ["bind", "volume"].contains(mount.type) else { return false }
            let source = FilePath(mount.source).resolved()
            if source.starts(with: folder) { return true }
            // A mount of `/` or `/home` in some container is no claim on the folders below.
            return folder.starts(with: source) && mount.isWritable && mount.holdsState
        }
    }

    private func place(_ part: Part) async throws -> Place {
        switch part.place {
        case .folder(let folder): return Place(folder: folder.resolved())
        case .entries(let folder, let named):
            return Place(folder: (named.count == 1 ? folder.appending(named[0]) : folder).resolved())
        case .volume(let name, let folder):
            // With `o=bind` the bytes lie elsewhere than at the mount point.
            let volume = try await docker.volume(name)
            var place = folder?.resolved()
            if let device = volume?.options?["device"], device.hasPrefix("/") {
                place = FilePath(device).resolved()
            } else if place == nil, let volume {
                place = FilePath(volume.mountPoint)
            }
            return Place(volume: name, folder: place)
        }
    }
}

extension Array {
    fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await transform(element)) }
        return values
    }
}
