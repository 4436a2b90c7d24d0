// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

/// Which services of a project wait for which, and for what.
struct ComposeOrder: Hashable, Sendable {
    private let dependencies: [String: [ComposeProject.Dependency]]

    init(_ project: ComposeProject) {
        dependencies = Dictionary(
            project.services.map { ($0.name, $0.dependsOn) }, uniquingKeysWith: { first, _ in first })
    }

    /// As v2 wrote it on the containers, for when the file can no longer be read. v1 wrote nothing.
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

    /// The services in groups: every one in a later group than those that it depends on. A circle is cut where it closes.
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

    /// The containers in the same groups.
    func layers(_ containers: [DockerContainer]) -> [[DockerContainer]] {
        let services = Set(containers.map(\.serviceName))
        return layers(services).map { names in containers.filter { names.contains($0.serviceName) } }
    }
}

extension DockerContainer {
    var serviceName: String { labels[ComposeLabel.service] ?? "" }
}

/// Starts containers of a project that are there, in the order in which compose would, and with its conditions.
struct ComposeStart: Sendable {
    let docker: Docker
    let machine: Machine
    let instance: Instance
    let order: ComposeOrder
    let limit: Duration
    /// They ran before, whatever docker called their health: one that is unhealthy keeps nobody down.
    let isAgain: Bool

    /// - Parameters:
    ///   - stopped: What is to be started.
    ///   - all: Every container of the project.
    func run(_ stopped: [DockerContainer], of all: [DockerContainer]) async throws {
        let started = Set(stopped.map(\.serviceName))
        for layer in order.layers(stopped) {
            for container in layer {
                for dependency in order.dependencies(of: container.serviceName) {
                    let others = all.filter { $0.serviceName == dependency.service }
                    // One that its owner had stopped is not waited for: nobody will start it.
                    guard started.contains(dependency.service) || others.contains(where: \.isUp) else {
                        continue
                    }
                    try await wait(for: dependency, others, container)
                }
                try await docker.start(container.id)
            }
        }
    }

    private func wait(
        for dependency: ComposeProject.Dependency, _ containers: [DockerContainer], _ waiting: DockerContainer
    ) async throws {
        guard dependency.condition != .started, limit > .zero, !containers.isEmpty else { return }
        var last = ""
        let isMet = try await machine.clock.wait(upTo: limit, every: .milliseconds(250)) {
            try machine.cancellation.check()
            let now = try await docker.inspect(containers.map(\.id))
            for container in now {
                let status = container.state.status
                let health = container.state.health?.status ?? "none"
                last = "“\(container.name)” is \(health == "none" ? status : health)"
                if health == "unhealthy", dependency.condition == .healthy {
                    if isAgain { return true }
                    throw Failure(
                        .failed, "the service “\(dependency.service)” is unhealthy",
                        cause:
                            "“\(waiting.name)” depends on it, and docker calls “\(container.name)” unhealthy",
                        remedy: "docker container logs \(container.name)")
                }
                if status == "exited", dependency.condition == .healthy || container.state.exitCode != 0 {
                    throw Failure(
                        .failed, "the service “\(dependency.service)” exited on its own",
                        cause: "“\(waiting.name)” depends on it; the container “\(container.name)” ended "
                            + "with status \(container.state.exitCode); \(try await docker.lastWords(container.id))",
                        remedy: "docker container logs \(container.name)")
                }
            }
            return now.allSatisfy { container in
                switch dependency.condition {
                case .started: true
                case .healthy: ["healthy", "none"].contains(container.state.health?.status ?? "none")
                case .completed: container.state.status == "exited" && container.state.exitCode == 0
                }
            }
        }
        guard isMet else {
            throw Failure(
                .timeout,
                "“\(waiting.name)” waits for \(dependency.condition.rawValue) of “\(dependency.service)”",
                cause: "\(last) after \(limit)", remedy: "kecsctl logs \(instance.name)")
        }
    }
}
