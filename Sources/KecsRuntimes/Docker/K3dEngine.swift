// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

/// The facts about a cluster that docker knows and k3d does not report: its owner, and the leftovers of an interrupted
/// create or delete.
struct K3dEngine: Sendable {
    let docker: Docker
    let cluster: String

    init(_ machine: Machine, cluster: String) {
        docker = Docker(machine)
        self.cluster = cluster
    }

    /// The things in docker with a name that k3d would give to something of the cluster.
    struct Findings: Hashable, Sendable {
        var containers: [Docker.Listed] = []
        var network: Docker.Listed?
        var volume: Docker.Listed?

        /// The UUID of the instance that owns the cluster; nil when kecsctl did not make it.
        var owner: String? { containers.lazy.compactMap { $0.labels[K3dCreate.ownerLabel] }.first }
    }

    func findings() async throws -> Findings {
        async let containers = docker.containers()
        async let networks = docker.networks()
        async let volumes = docker.volumes()
        return try await Findings(
            containers: containers.filter { isNode($0.name) },
            network: networks.first { $0.name == "k3d-\(cluster)" },
            volume: volumes.first { $0.name == "k3d-\(cluster)-images" })
    }

    /// Returns names that k3d would re-use, or in a rollback remove, although they belong to others.
    func foreign(in findings: Findings) -> [String] {
        var foreign = findings.containers.filter { !isOurs($0) }.map { "the container \($0.name)" }
        if let network = findings.network, !isK3ds(network) { foreign.append("the network \(network.name)") }
        if let volume = findings.volume, !isOurs(volume) { foreign.append("the volume \(volume.name)") }
        return foreign
    }

    /// Removes the leftovers of `k3d cluster delete`: it does nothing when no container is left, and forgets the
    /// network when only the tools container is. Labels decide, and docker itself refuses to remove anything in use.
    ///
    /// - Returns: The removed things.
    func removeLeftovers(_ findings: Findings) async throws -> [String] {
        guard findings.containers.isEmpty else { return [] }
        var removed: [String] = []
        if let network = findings.network, isK3ds(network) {
            try await docker.removeNetwork(network.name)
            removed.append(network.name)
        }
        if let volume = findings.volume, isOurs(volume) {
            try await docker.removeVolume(volume.name)
            removed.append(volume.name)
        }
        return removed
    }

    // MARK: Whose

    private func isK3ds(_ thing: Docker.Listed) -> Bool { thing.labels[K3dLabel.app] == "k3d" }

    /// Returns true when it belongs to the cluster. Networks do not name their cluster; containers and volumes do.
    private func isOurs(_ thing: Docker.Listed) -> Bool {
        isK3ds(thing) && thing.labels[K3dLabel.cluster] == cluster
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
}

/// The labels that k3d puts on its things (`Tests/Fixtures/k3d-5.9/75-docker-ps-json`).
enum K3dLabel {
    static let app = "app"
    static let cluster = "k3d.cluster"
}
