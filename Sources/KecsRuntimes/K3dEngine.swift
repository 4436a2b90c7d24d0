// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Kecs
import KecsSystem

/// What docker knows of a cluster that k3d does not tell: whose it is, and what an interrupted create or delete left.
struct K3dEngine: Sendable {
    let machine: Machine
    let cluster: String

    /// What in docker bears a name that k3d would give to something of the cluster.
    struct Findings: Hashable, Sendable {
        struct Thing: Hashable, Sendable {
            var name: String
            var labels: Set<String>
        }
        var containers: [Thing] = []
        var network: Thing?
        var volume: Thing?

        /// The UUID of the instance whose cluster it is; nil when kecsctl did not make it.
        var owner: String? {
            let prefix = K3dCreate.ownerLabel + "="
            return containers.lazy.flatMap(\.labels).first { $0.hasPrefix(prefix) }
                .map { String($0.dropFirst(prefix.count)) }
        }
    }

    func findings() async throws -> Findings {
        let containers = try await list(["ps", "-a", "--no-trunc"], name: \.names)
        let networks = try await list(["network", "ls", "--no-trunc"], name: \.name)
        let volumes = try await list(["volume", "ls"], name: \.name)
        return Findings(
            containers: containers.filter { isNode($0.name) },
            network: networks.first { $0.name == "k3d-\(cluster)" },
            volume: volumes.first { $0.name == "k3d-\(cluster)-images" })
    }

    /// Names that k3d would re-use, or in a rollback remove, although they are somebody else's.
    func foreign(in findings: Findings) -> [String] {
        var foreign = findings.containers.filter { !isOurs($0) }.map { "the container \($0.name)" }
        if let network = findings.network, !network.labels.contains("app=k3d") {
            foreign.append("the network \(network.name)")
        }
        if let volume = findings.volume, !isOurs(volume) { foreign.append("the volume \(volume.name)") }
        return foreign
    }

    /// Removes what `k3d cluster delete` leaves: it does nothing when no container is left, and forgets the network when
    /// only the tools container is. Labels decide, and docker itself refuses what is in use.
    ///
    /// - Returns: What was removed.
    func removeLeftovers() async throws -> [String] {
        let findings = try await findings()
        guard findings.containers.isEmpty else { return [] }
        var removed: [String] = []
        if let network = findings.network, network.labels.contains("app=k3d") {
            try await remove("network", network.name)
            removed.append(network.name)
        }
        if let volume = findings.volume, isOurs(volume) {
            try await remove("volume", volume.name)
            removed.append(volume.name)
        }
        return removed
    }

    func pause(_ containers: [String]) async throws { try await act("pause", containers) }
    func unpause(_ containers: [String]) async throws { try await act("unpause", containers) }

    // MARK: Calls

    private func isOurs(_ thing: Findings.Thing) -> Bool {
        thing.labels.isSuperset(of: ["app=k3d", "k3d.cluster=\(cluster)"])
    }

    /// `k3d-NAME-server-0`, `-agent-1`, `-serverlb`, `-tools`: not those of a cluster `NAME-server`.
    private func isNode(_ name: String) -> Bool {
        let prefix = "k3d-\(cluster)-"
        guard name.hasPrefix(prefix) else { return false }
        let rest = name.dropFirst(prefix.count)
        if rest == "serverlb" || rest == "tools" { return true }
        for role in ["server-", "agent-"] where rest.hasPrefix(role) {
            return Int(rest.dropFirst(role.count)) != nil
        }
        return false
    }

    private struct Line: Decodable {
        var names: String?
        var name: String?
        /// One string, in random order.
        var labels: String?

        enum CodingKeys: String, CodingKey {
            case names = "Names"
            case name = "Name"
            case labels = "Labels"
        }
    }

    /// One object a line, with docker 20.10 as with 28.
    private func list(_ command: [String], name: KeyPath<Line, String?>) async throws -> [Findings.Thing] {
        let result = try await run(command + ["--format", "{{json .}}"], limit: K3d.question)
        guard result.succeeded, !result.isCut else {
            throw Failure(
                .unreachable, "docker does not answer", cause: result.firstComplaint, remedy: "docker info")
        }
        return try result.output.split(separator: UInt8(ascii: "\n")).compactMap { line in
            guard let line = try? JSONDecoder().decode(Line.self, from: Data(line)) else {
                throw Failure(
                    .unreachable, "docker does not answer as expected",
                    cause: String(decoding: line.prefix(200), as: UTF8.self), remedy: "docker version")
            }
            guard let name = line[keyPath: name] else { return nil }
            let labels = (line.labels ?? "").split(separator: ",").map(String.init)
            return Findings.Thing(name: name, labels: Set(labels))
        }
    }

    private func remove(_ kind: String, _ name: String) async throws {
        let result = try await run([kind, "rm", name], limit: K3d.question)
        guard result.succeeded else {
            throw Failure(
                .failed, "the \(kind) “\(name)” that an interrupted k3d left cannot be removed",
                cause: result.firstComplaint, remedy: "docker \(kind) rm \(name)")
        }
    }

    private func act(_ verb: String, _ containers: [String]) async throws {
        guard !containers.isEmpty else { return }
        let result = try await run([verb] + containers, limit: K3d.question)
        guard result.succeeded else {
            throw Failure(
                .failed, "docker could not \(verb) “\(cluster)”", cause: result.firstComplaint,
                remedy: "docker \(verb) \(containers.joined(separator: " "))")
        }
    }

    private func run(_ arguments: [String], limit: Duration) async throws -> ProcessResult {
        var call = ProcessCall("docker", arguments)
        call.limit = limit
        return try await machine.processes.run(call)
    }
}
