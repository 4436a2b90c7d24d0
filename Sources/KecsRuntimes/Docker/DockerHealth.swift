// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

/// Waits until the started containers are healthy: by the address in the settings, else by docker's own health, else by
/// KECS's health for a server that is KECS, else by running steadily.
struct DockerHealth: Sendable {
    private let docker: Docker
    private let instance: Instance
    private let machine: Machine
    private let address: String

    init(_ docker: Docker, _ instance: Instance, _ machine: Machine, _ address: String) {
        self.docker = docker
        self.instance = instance
        self.machine = machine
        self.address = address
    }

    /// The source of the verdict.
    private enum Witness {
        case url(String)
        case docker
        /// No source: a container that runs for this long counts as healthy.
        case time
    }

    /// The time within which a program that cannot start reports it.
    private static let steady = Duration.seconds(2)

    /// - Parameter ids: The ids of containers. The first one that publishes the admin port is asked.
    func wait(for ids: [String], limit: Duration) async throws {
        guard limit > .zero else { return }
        let clock = machine.clock
        var last = ControlPlaneHealth.not("nobody answered")
        var nextLook = clock.elapsed()
        let began = clock.elapsed()
        var firstStarts: [String: String] = [:]
        var witness = Witness.time
        let isHealthy = try await clock.wait(upTo: limit) {
            try machine.cancellation.check()
            if clock.elapsed() >= nextLook {
                // It costs more than a request over HTTP.
                nextLook = clock.elapsed() + .seconds(1)
                let containers = try await docker.inspect(ids)
                try await checkAlive(containers, &firstStarts)
                witness = try self.witness(containers)
                switch witness {
                case .url: break
                case .docker:
                    let waiting = containers.filter {
                        ["starting", "unhealthy"].contains($0.state.health?.status)
                    }
                    if let first = waiting.first {
                        last = .not("docker calls “\(first.name)” \(first.state.health?.status ?? "")")
                    }
                    return waiting.isEmpty && containers.allSatisfy(\.isWellStarted)
                case .time:
                    last = .not("it has not run for \(Self.steady) yet")
                    return containers.allSatisfy {
                        $0.isWellStarted && hasRun($0, since: began)
                    }
                }
            }
            guard case .url(let url) = witness else { return false }
            last = ControlPlaneHealth(asking: url)
            return last == .healthy
        }
        guard isHealthy else {
            let place = if case .url(let url) = witness { url } else { "docker" }
            throw last.failure(of: instance, at: place, after: limit)
        }
    }

    private func witness(_ containers: [DockerContainer]) throws -> Witness {
        switch try instance.settings.text(.healthUrl) {
        case "none": return .time
        case let url?: return .url(url)
        case nil: break
        }
        if containers.contains(where: { ($0.state.health?.status ?? "none") != "none" }) { return .docker }
        let port = containers.lazy.filter(\.isKECS).compactMap { $0.hostPort(of: DockerSpec.adminPort) }.first
        let host = ["0.0.0.0", "", "::"].contains(address) ? "127.0.0.1" : address
        guard let port else { return .time }
        return .url("http://\(host.contains(":") ? "[\(host)]" : host):\(port)/health")
    }

    /// Returns true when it has run for long enough: by the engine's clock where it agrees with ours, else from the
    /// first look on.
    private func hasRun(_ container: DockerContainer, since began: Duration) -> Bool {
        if container.state.status == "exited" { return true }
        if machine.clock.elapsed() - began >= Self.steady { return true }
        guard let start = Moment(container.state.startedAt) else { return false }
        return machine.clock.now().since(start) >= Self.steady
    }

    private func checkAlive(_ containers: [DockerContainer], _ starts: inout [String: String]) async throws {
        for container in containers {
            let first = starts[container.id] ?? container.state.startedAt
            starts[container.id] = first
            // A container that has ended successfully has done its work.
            if container.state.status == "exited", container.state.exitCode == 0, containers.count > 1 {
                continue
            }
            let isBackAgain = container.state.status == "running" && container.state.startedAt != first
            guard !["running", "paused", "created"].contains(container.state.status) || isBackAgain else {
                continue
            }
            let words =
                container.state.error.isEmpty
                ? try await docker.lastWords(container.id) : container.state.error
            throw Failure(
                .failed, "the server of “\(instance.name)” exited on its own",
                cause:
                    "the container “\(container.name)” is \(isBackAgain ? "restarting" : container.state.status) "
                    + "with status \(container.state.exitCode); \(words)",
                remedy: "kecsctl logs \(instance.name)")
        }
    }
}

extension DockerContainer {
    /// True when it runs, or has ended successfully.
    fileprivate var isWellStarted: Bool {
        state.status == "running" || state.status == "exited" && state.exitCode == 0
    }
}
