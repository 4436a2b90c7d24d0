// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsStorage
import KecsSystem

/// Waits until what was started answers that it and its database are well.
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

    /// - Parameter ids: Of containers; the first one that publishes the admin port is asked.
    func wait(for ids: [String], limit: Duration) async throws {
        guard limit > .zero else { return }
        let clock = machine.clock
        var last = ControlPlaneHealth.not("nobody answered")
        var nextLook = clock.elapsed()
        var url = try await url(ids)
        let isHealthy = try await clock.wait(upTo: limit) {
            try machine.cancellation.check()
            if clock.elapsed() >= nextLook {
                // Dearer than a question over HTTP.
                nextLook = clock.elapsed() + .seconds(1)
                let containers = try await docker.inspect(ids)
                try await checkAlive(containers)
                if url == nil {
                    url = try await self.url(ids)
                    let waiting = containers.filter {
                        ["starting", "unhealthy"].contains($0.state.health?.status)
                    }
                    if let first = waiting.first {
                        last = .not("docker calls “\(first.name)” \(first.state.health?.status ?? "")")
                    }
                    return waiting.isEmpty && containers.allSatisfy { $0.state.status == "running" }
                }
            }
            guard let url else { return false }
            last = ControlPlaneHealth(asking: url)
            return last == .healthy
        }
        guard isHealthy else { throw last.failure(of: instance, at: url ?? "docker", after: limit) }
    }

    private func url(_ ids: [String]) async throws -> String? {
        switch try instance.settings.text(.healthUrl) {
        case "none": return nil
        case let url?: return url
        case nil: break
        }
        let port = try await docker.inspect(ids).lazy.compactMap { $0.hostPort(of: DockerSpec.adminPort) }
            .first
        let host = ["0.0.0.0", "", "::"].contains(address) ? "127.0.0.1" : address
        return port.map { "http://\(host.contains(":") ? "[\(host)]" : host):\($0)/health" }
    }

    private func checkAlive(_ containers: [DockerContainer]) async throws {
        guard let dead = containers.first(where: { !["running", "created"].contains($0.state.status) }) else {
            return
        }
        // One that has ended well did what it was there for.
        if dead.state.status == "exited", dead.state.exitCode == 0, containers.count > 1 { return }
        let words = dead.state.error.isEmpty ? try await docker.lastWords(dead.id) : dead.state.error
        throw Failure(
            .failed, "the server of “\(instance.name)” ended by itself",
            cause:
                "the container “\(dead.name)” is \(dead.state.status) with status \(dead.state.exitCode); \(words)",
            remedy: "kecsctl logs \(instance.name)")
    }
}
