// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

/// Pauses and stops several containers as one. Those that ran run again, whatever happens in between, and those that
/// were paused before stay so.
struct DockerFreeze: Sendable {
    private let docker: Docker
    private let instance: Instance

    init(_ docker: Docker, _ instance: Instance) {
        self.docker = docker
        self.instance = instance
    }

    // MARK: Pause

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
        // Recorded first: the engine may have paused one although its answer did not come.
        try note(frozen: running.map(\.id))
        var paused: [DockerContainer] = []
        do {
            for container in running {
                paused.append(container)
                try await docker.pause(container.id)
            }
            let value = try await body()
            // Without another request first: every moment counts.
            for container in paused { try await docker.unpause(container.id) }
            try note(frozen: [])
            return value
        } catch {
            try await resume(paused)
            try note(frozen: [])
            throw error
        }
    }

    private func note(frozen: [String]) throws {
        var record = try ContainerRecord.current(instance.folder)
        record.frozen = frozen
        try record.write(instance.folder)
    }

    func resume(_ containers: [DockerContainer]) async throws {
        for container in try await docker.inspect(containers.map(\.id)) where container.isPaused {
            try await docker.unpause(container.id)
        }
    }

    /// Resumes the containers that a killed run left paused, or was about to pause: an engine completes a request
    /// although the client no longer waits for the answer. It handles two calls for one container one after the other,
    /// so that a pause of our own comes after that one.
    func settle(_ containers: [DockerContainer]) async throws {
        let frozen = try ContainerRecord.current(instance.folder).frozen
        let ours = containers.filter { frozen.contains($0.id) }
        for container in ours where container.isUp {
            if container.state.status == "running" {
                do {
                    try await docker.pause(container.id)
                } catch let failure as Failure where failure.kind == .failed {
                    // Paused by now, or ended.
                }
            }
        }
        try await resume(ours)
        try note(frozen: [])
    }

    // MARK: Stop

    /// Stops them and waits until they have stopped.
    ///
    /// - Parameters:
    ///   - layers: One after the other; the containers of a layer all at once.
    ///   - limit: The time that each may take to end; nil: as long as its owner allows.
    func stop(_ layers: [[DockerContainer]], limit: Duration?) async throws {
        let all = layers.flatMap(\.self)
        var record = try ContainerRecord.current(instance.folder)
        record.ran = (record.ran + all.filter(\.isUp).map(\.id)).withoutRepeats
        record.paused = (record.paused + all.filter(\.isPaused).map(\.id)).withoutRepeats
        try record.write(instance.folder)
        for layer in layers {
            let up = layer.filter(\.isUp)
            // A paused process cannot end on its own when it is asked to.
            for container in up where container.isPaused { try await docker.unpause(container.id) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for container in up {
                    group.addTask { [docker] in
                        if let limit {
                            try await docker.stop(container.id, grace: limit)
                        } else {
                            try await docker.stop(container)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        guard let up = try await docker.inspect(all.map(\.id)).first(where: \.isUp) else { return }
        throw Failure(
            .failed, "the container “\(up.name)” is still \(up.state.status) after it was stopped",
            remedy: "docker container kill \(up.name)")
    }

    /// Pauses the containers again that were paused before a stop which only an operation needed, and forgets them.
    func pauseAgain() async throws {
        let record = try ContainerRecord.current(instance.folder)
        for container in try await docker.inspect(record.paused)
        where container.state.status == "running" {
            try await docker.pause(container.id)
        }
    }
}

extension [String] {
    fileprivate var withoutRepeats: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}

extension DockerContainer {
    /// - Parameter limit: The limit that the command was given; a longer one than a minute means that none was.
    /// - Returns: The limit for `DockerFreeze.stop` of a container that kecsctl did not make.
    static func grace(within limit: Duration) -> Duration? { limit < .seconds(60) ? limit : nil }
}
