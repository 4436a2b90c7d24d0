// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

extension OwnCluster {
    /// Stops the cluster and keeps it. A cluster that was never complete is deleted, because it has no content.
    func stop(limit: Duration) async throws {
        try await locked {
            switch try await k3d.existence(of: name) {
            case .unknown(let why): throw unknown(why)
            case .absent:
                if try draft.isPresent {
                    try await removeRemains(engine.findings())
                    try draft.remove()
                }
            case .present(let found):
                if try draft.isPresent, try await isOurs() {
                    try await deleteCluster()
                    try draft.remove()
                    return
                }
                if try await foreignOwner() != nil { return }
                guard found.condition != .stopped else { return }
                try await resume(found)
                // Docker gives each node 10 s, then kills it; the servers drain first.
                let result = try await k3d.stop(name, limit: max(limit, .seconds(60)))
                guard case .present(let after) = try await k3d.existence(of: name), !after.hasRunningServer
                else {
                    throw failed("k3d could not stop “\(name)”", result)
                }
            }
        }
    }

    /// Deletes the cluster. The data stays: it lies on this host.
    func remove() async throws {
        try await locked {
            switch try await k3d.existence(of: name) {
            case .unknown(let why): throw unknown(why)
            case .absent:
                // Without docker nothing was ever created here, so nothing is left.
                do {
                    try await removeRemains(engine.findings())
                } catch {
                    guard Failure.describing(error).kind == .unreachable, try !kubeconfig.isPresent,
                        try !draft.isPresent
                    else { throw error }
                }
            case .present:
                guard try await isOurs() else {
                    // A cluster that kecsctl did not create is not deleted by kecsctl.
                    return
                }
                try await deleteCluster()
            }
            for file in [kubeconfig, draft] where try file.isPresent {
                try file.remove()
            }
        }
    }

    /// Deletes the cluster, and checks that docker and k3d both report nothing left: a delete that could not reach
    /// docker exits 0 as well.
    func deleteCluster() async throws {
        let result = try await k3d.delete(name, limit: .seconds(120))
        if case .unknown(let why) = try await k3d.existence(of: name) { throw unknown(why) }
        let findings = try await engine.findings()
        guard findings.containers.isEmpty else {
            throw Failure(
                .failed, "k3d could not delete “\(name)”",
                cause: result.succeeded
                    ? "it said nothing, and left \(findings.containers.map(\.name).joined(separator: ", "))"
                    : result.firstComplaint,
                remedy: "k3d cluster delete \(name)")
        }
        _ = try await engine.removeLeftovers(findings)
    }

    // MARK: Freeze

    func whileFrozen<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        guard case .present(let found) = try await k3d.existence(of: name) else {
            throw unknown("k3d does not list it")
        }
        let nodes = found.nodes.filter { $0.role != "loadbalancer" }.map(\.name)
        return try await freeze.whilePaused(try await engine.docker.inspect(nodes), body)
    }

    private var freeze: DockerFreeze { DockerFreeze(engine.docker, instance) }

    func thaw() async throws {
        switch try await k3d.existence(of: name) {
        case .unknown(let why): throw unknown(why)
        case .absent: return
        case .present(let found): try await resume(found)
        }
    }

    func resume(_ found: K3dCluster) async throws {
        for node in found.nodes where node.state.status == "paused" {
            try await engine.docker.unpause(node.name)
        }
    }
}
