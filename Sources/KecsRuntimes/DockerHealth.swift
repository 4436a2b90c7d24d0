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

    /// Docker's own health state is the health where the container has a healthcheck, unless `healthUrl` is set. One of
    /// KECS without a healthcheck is asked at its admin port; any other must stay up for a moment.
    ///
    /// - Parameter ids: Of containers.
    func wait(for ids: [String], limit: Duration) async throws {
        guard limit > .zero else { return }
        let clock = machine.clock
        var last = ControlPlaneHealth.not("nobody answered")
        var nextLook = clock.elapsed()
        var url = try await url(ids)
        let isWaited = try instance.settings.text(.healthUrl) != "none"
        var upSince: [String: (pid: Int, since: Duration)] = [:]
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
                        isWaited && ["starting", "unhealthy"].contains($0.state.health?.status)
                    }
                    if let first = waiting.first {
                        last = .not("docker calls “\(first.name)” \(first.state.health?.status ?? "")")
                    }
                    guard waiting.isEmpty, containers.allSatisfy({ $0.state.status == "running" }) else {
                        return false
                    }
                    // What it cannot start with, a container finds within moments.
                    return containers.allSatisfy { container in
                        if container.state.health?.status == "healthy" { return true }
                        let known = upSince[container.id]
                        guard let known, known.pid == container.state.pid else {
                            upSince[container.id] = (container.state.pid, clock.elapsed())
                            return false
                        }
                        return clock.elapsed() - known.since >= Self.firstMoments
                    }
                }
            }
            guard let url else { return false }
            last = ControlPlaneHealth(asking: url)
            return last == .healthy
        }
        guard isHealthy else { throw last.failure(of: instance, at: url ?? "docker", after: limit) }
    }

    private static let firstMoments = Duration.milliseconds(900)

    private func url(_ ids: [String]) async throws -> String? {
        switch try instance.settings.text(.healthUrl) {
        case "none": return nil
        case let url?: return url
        case nil: break
        }
        let containers = try await docker.inspect(ids)
        if containers.contains(where: { $0.state.health.map { $0.status != "none" } ?? false }) { return nil }
        let port = containers.lazy.filter(\.isKECS).compactMap { $0.hostPort(of: DockerSpec.adminPort) }.first
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
