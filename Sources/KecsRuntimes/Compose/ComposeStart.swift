// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

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
