// SPDX-License-Identifier: Apache-2.0
import KecsState
import KecsSystem

/// The k3d clusters that recoveries of an instance made, other than the one that its control plane lives in. They live
/// and go with the instance. k3d is never called for an instance without any.
struct RecoveredClusters: Sendable {
    let site: Site
    let instance: Instance

    /// - Throws: `Failure(.unreachable)` when they cannot be determined.
    func all() async throws -> [String: K3dClusterState] {
        try await site.ground?(instance).ownedClusters() ?? [:]
    }

    func isAnyRunning() async throws -> Bool { try await all().values.contains { $0 != .stopped } }

    func stop(limit: Duration) async throws {
        for (name, state) in try await all().sorted(by: { $0.key < $1.key }) where state != .stopped {
            try site.machine.cancellation.check()
            try await site.ground?(instance).stop(cluster: name, limit: limit)
        }
    }

    func delete() async throws {
        for name in try await all().keys.sorted() {
            try site.machine.cancellation.check()
            try await site.ground?(instance).delete(cluster: name)
        }
    }
}
