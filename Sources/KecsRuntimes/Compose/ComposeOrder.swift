// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

/// The services of a project that wait for others, with the conditions.
struct ComposeOrder: Hashable, Sendable {
    private let dependencies: [String: [ComposeProject.Dependency]]

    init(_ project: ComposeProject) {
        dependencies = Dictionary(
            project.services.map { ($0.name, $0.dependsOn) }, uniquingKeysWith: { first, _ in first })
    }

    /// Reads the order that v2 wrote on the containers, for when the file can no longer be read. v1 wrote nothing.
    init(_ containers: [DockerContainer]) {
        var dependencies: [String: [ComposeProject.Dependency]] = [:]
        for container in containers {
            guard let service = container.labels[ComposeLabel.service] else { continue }
            dependencies[service] = ComposeFiles.names(container.labels[ComposeLabel.dependsOn] ?? "")
                .map { item in
                    let words = item.split(separator: ":").map(String.init)
                    return ComposeProject.Dependency(
                        service: words[0],
                        condition: words.count > 1 ? .init(rawValue: words[1]) ?? .started : .started)
                }
        }
        self.dependencies = dependencies
    }

    func dependencies(of service: String) -> [ComposeProject.Dependency] { dependencies[service] ?? [] }

    /// Returns the services in groups: every one in a later group than those that it depends on. A circle is cut where
    /// it closes.
    func layers(_ services: Set<String>) -> [[String]] {
        var depths: [String: Int] = [:]
        var path: Set<String> = []
        func depth(_ service: String) -> Int {
            if let known = depths[service] { return known }
            guard path.insert(service).inserted else { return 0 }
            defer { path.remove(service) }
            let below = dependencies(of: service).map { depth($0.service) + 1 }.max() ?? 0
            depths[service] = below
            return below
        }
        let groups = Dictionary(grouping: services.sorted()) { depth($0) }
        return groups.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Returns the containers in the same groups.
    func layers(_ containers: [DockerContainer]) -> [[DockerContainer]] {
        let services = Set(containers.map(\.serviceName))
        return layers(services).map { names in containers.filter { names.contains($0.serviceName) } }
    }
}

extension DockerContainer {
    var serviceName: String { labels[ComposeLabel.service] ?? "" }
}
