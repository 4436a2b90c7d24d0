// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// An inventory's facts about a container, or about a service that has none yet.
struct DockerSetup: Sendable {
    let docker: Docker
    let instance: Instance
    let volumes: Volumes

    /// - Parameters:
    ///   - ownParts: The parts of a container of ours: its data folder is not a mount like any other.
    ///   - isKECS: Nil when only its own variables, which we gave it, show it.
    func run(
        _ container: DockerContainer, all: [DockerContainer.Mount], ownParts: [InventoryPart]?, isKECS: Bool?
    ) async throws -> ServerSetup {
        let host = try await docker.host(seenBy: container)
        let parts = try await located(
            try DockerMounts(all).inventory(of: instance, besides: ownParts ?? []), on: host)
        return ServerSetup(
            parts: parts, variables: container.variables,
            workingFolder: container.workingFolder.isEmpty ? nil : FilePath(container.workingFolder),
            mounts: container.mounts.compactMap(\.server), user: try await docker.user(of: container),
            endpoints: container.endpoints(isKECS: container.isKECS),
            engineHost: host, isKECS: isKECS)
    }

    /// The volumes among the parts, each with its place on this host, where it can be reached there.
    func located(_ parts: [InventoryPart], on host: EngineHost) async throws -> [InventoryPart] {
        func volumeName(_ part: InventoryPart) -> String? {
            if case .volume(let name, _) = part.part.place { name } else { nil }
        }
        let all = try await docker.volumes(named: parts.compactMap(volumeName))
        return try parts.map { part in
            guard let name = volumeName(part) else { return part }
            var part = part
            guard let volume = all.first(where: { $0.name == name }) else {
                part.presence = .missing
                return part
            }
            let folder = host == .thisMachine ? try volumes.place(of: volume) : nil
            part.part.place = .volume(name, at: folder)
            part.presence = .unreadable(
                host == .another
                    ? "its engine is on another machine" : "its mount point is not open to this user")
            return part
        }
    }
}

extension DockerContainer {
    /// True for KECS's own image, or a server that gets variables which only KECS reads.
    var isKECS: Bool {
        Self.isKECS(image: imageName) || variables.keys.contains { $0.hasPrefix("KECS_") }
    }

    static func isKECS(image: String) -> Bool {
        let name = image.split(separator: "/").last.map(String.init) ?? ""
        return name.prefix { $0 != ":" && $0 != "@" } == "kecs"
    }

    /// Returns the endpoints that are really published, or will be once it runs.
    func endpoints(isKECS: Bool) -> [Endpoint] {
        var endpoints: [Endpoint] = []
        let ports = state.status == "running" ? published : ports
        for (inside, bindings) in ports.sorted(by: { $0.key < $1.key }) {
            // Where no port was requested, docker chose one.
            let bindings = bindings + (published[inside] ?? [])
            guard let binding = bindings.first(where: { UInt16($0.port) ?? 0 > 0 }) else { continue }
            let address = ["", "0.0.0.0", "::"].contains(binding.address) ? "127.0.0.1" : binding.address
            let host = address.contains(":") ? "[\(address)]" : address
            switch inside {
            case "\(DockerSpec.apiPort)/tcp" where isKECS:
                endpoints.insert(Endpoint(name: "api", url: "http://\(host):\(binding.port)"), at: 0)
            case "\(DockerSpec.adminPort)/tcp" where isKECS:
                endpoints.append(Endpoint(name: "admin", url: "http://\(host):\(binding.port)"))
            default:
                let parts = inside.split(separator: "/").map(String.init)
                endpoints.append(
                    Endpoint(
                        name: parts[0], url: "\(parts.count > 1 ? parts[1] : "tcp")://\(host):\(binding.port)"
                    ))
            }
        }
        return endpoints
    }
}

extension DockerContainer.Mount {
    /// Nil for anything but a folder, a file or a volume.
    var server: ServerMount? {
        switch type {
        case "bind":
            ServerMount(
                source: .host(FilePath(source)), inside: FilePath(destination), isWritable: isWritable)
        case "volume":
            name.map {
                ServerMount(source: .volume($0), inside: FilePath(destination), isWritable: isWritable)
            }
        default: nil
        }
    }
}
