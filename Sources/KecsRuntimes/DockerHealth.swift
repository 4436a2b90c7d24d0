// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
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
        var last = "nobody answered"
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
                    last =
                        waiting.first.map { "docker calls “\($0.name)” \($0.state.health?.status ?? "")" }
                        ?? last
                    return waiting.isEmpty && containers.allSatisfy { $0.state.status == "running" }
                }
            }
            guard let url else { return false }
            do {
                let answer = try HTTPProbe.get(url)
                last = HealthAnswer(answer).complaint ?? ""
                return last.isEmpty
            } catch {
                last = "\(error)"
                return false
            }
        }
        guard isHealthy else {
            throw Failure(
                .timeout, "“\(instance.name)” did not become healthy within \(limit)",
                cause: "\(url ?? "docker"): \(last)", remedy: "kecsctl logs \(instance.name)")
        }
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

/// What an admin `/health` says: `{"status":"healthy","persistence":{"status":"healthy",…}}`.
struct HealthAnswer: Hashable, Sendable {
    var httpStatus: Int
    var status: String?
    var persistence: String?

    init(_ answer: HTTPProbe.Answer) {
        httpStatus = answer.status
        // An answer that is no JSON is judged by its status alone.
        let body = try? JSONDecoder().decode(JSONValue.self, from: Data(answer.body))
        status = body?["status"]?.string
        persistence = body?["persistence"]?["status"]?.string
    }

    private static let good = ["healthy", "ok", "up", "pass"]

    /// Nil when all is well.
    var complaint: String? {
        guard (200..<300).contains(httpStatus) else { return "it answered with the status \(httpStatus)" }
        if let status, !Self.good.contains(status.lowercased()) { return "its status is “\(status)”" }
        if let persistence, !Self.good.contains(persistence.lowercased()) {
            return "its persistence is “\(persistence)”"
        }
        return nil
    }
}
