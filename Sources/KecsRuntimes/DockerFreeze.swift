// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

/// Pausing and stopping several containers as one: whoever ran runs again, whatever happens in between.
struct DockerFreeze: Sendable {
    private let docker: Docker
    private let instance: Instance

    init(_ docker: Docker, _ instance: Instance) {
        self.docker = docker
        self.instance = instance
    }

    /// Runs `body` while none of the containers can write. One that was paused before stays so.
    func whilePaused<Value: Sendable>(
        _ containers: [DockerContainer], _ body: () async throws -> Value
    ) async throws -> Value {
        if let unready = containers.first(where: { $0.state.status == "restarting" }) {
            throw Failure(
                .failed, "“\(instance.name)” cannot be paused",
                cause: "the container “\(unready.name)” keeps restarting",
                remedy: "kecsctl logs \(instance.name)")
        }
        let running = containers.filter { $0.state.status == "running" }
        var paused: [DockerContainer] = []
        do {
            for container in running {
                // Noted first: the engine may have paused it although its answer did not come.
                paused.append(container)
                try await docker.pause(container.id)
            }
            let value = try await body()
            // Without another question first: every moment counts.
            for container in paused { try await docker.unpause(container.id) }
            return value
        } catch {
            try await resume(paused)
            throw error
        }
    }

    func resume(_ containers: [DockerContainer]) async throws {
        for container in try await docker.inspect(containers.map(\.id)) where container.isPaused {
            try await docker.unpause(container.id)
        }
    }

    /// Lets go on what a killed run left paused, or was about to pause: an engine carries out what it was asked for although
    /// nobody waits for the answer. Two calls for one container are carried out one after the other, so that a pause of our
    /// own comes after that one.
    func settle(_ containers: [DockerContainer]) async throws {
        for container in containers where container.isUp {
            if container.state.status == "running" {
                do {
                    try await docker.pause(container.id)
                } catch let failure as Failure where failure.kind == .failed {
                    // Paused by now, or ended.
                }
            }
        }
        try await resume(containers)
    }

    /// Stops them in the order given and sees them stopped.
    func stop(_ containers: [DockerContainer], limit: Duration) async throws {
        for container in containers where container.isUp {
            // A paused process cannot end by itself when it is asked to.
            if container.isPaused { try await docker.unpause(container.id) }
            try await docker.stop(container.id, grace: limit)
        }
        guard let up = try await docker.inspect(containers.map(\.id)).first(where: \.isUp) else { return }
        throw Failure(
            .failed, "the container “\(up.name)” is still \(up.state.status) after it was stopped",
            remedy: "docker container kill \(up.name)")
    }
}
