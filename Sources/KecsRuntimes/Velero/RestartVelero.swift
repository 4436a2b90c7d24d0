// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSQLite
import KecsSystem
import KecsVelero

/// Starts Velero's server again. It then asks its cluster anew which kinds there are, and takes up what it has left lying. What it
/// works on is lost.
struct RestartVelero: Sendable {
    let machine: Machine
    let kubectl: Kubectl
    let instance: InstanceName

    /// - Parameter limit: For each of the two waits.
    func run(limit: Duration = .seconds(60)) async throws {
        try await scale(to: 0)
        let isGone = try await machine.clock.wait(upTo: limit, every: .milliseconds(500)) {
            try machine.cancellation.check()
            return try await kubectl.get(
                ["pods"], namespace: VeleroManifests.namespace, label: "deploy=\(VeleroManifests.server)"
            ).isEmpty
        }
        try await scale(to: 1)
        var last = "it is not there"
        let isUp = try await machine.clock.wait(upTo: limit, every: .milliseconds(500)) {
            try machine.cancellation.check()
            let found = try await kubectl.object(
                "deployment", VeleroManifests.server, namespace: VeleroManifests.namespace)
            guard let found else { return false }
            switch Rollout(of: found) {
            case .complete: return true
            case .waiting(let why), .failed(let why): last = why
            }
            return false
        }
        guard isUp else {
            throw Failure(
                .timeout, "Velero of “\(instance)” was started again and does not come up",
                cause: isGone ? last : "the one before does not end",
                remedy: "kecsctl doctor \(instance)")
        }
    }

    private func scale(to replicas: Int) async throws {
        let workload = "deployment/\(VeleroManifests.server)"
        guard
            let complaint = try await kubectl.scale(
                workload, namespace: VeleroManifests.namespace, to: replicas)
        else { return }
        throw Failure(
            .failed, "\(workload) of “\(instance)” could not be started again", cause: complaint,
            remedy: "kecsctl doctor \(instance)")
    }
}

/// What Velero has not learnt of: it asks its cluster for the kinds that there are when it starts, and then every five minutes.
/// Objects of a newer kind are in none of its backups, and it does not say so.
struct NewKinds: Sendable {
    /// Velero's own interval, in seconds.
    static let interval: Int64 = 300

    /// - Parameters:
    ///   - definitions: All custom resource definitions.
    ///   - server: The pods of Velero's server.
    ///   - location: Its last validation is the newest time of the cluster's clock that is known: this host's may differ.
    /// - Returns: Their names, sorted.
    static func find(definitions: [JSONValue], server: [JSONValue], location: JSONValue?) -> [String] {
        let starts = server.compactMap { $0["status"]?["startTime"]?.string.flatMap { Moment($0) } }
        guard let start = starts.max(),
            let now = location?["status"]?["lastValidationTime"]?.string.flatMap({ Moment($0) })
        else { return [] }
        return definitions.compactMap { definition -> String? in
            let metadata = definition["metadata"]
            guard let name = metadata?["name"]?.string, !name.hasSuffix(".velero.io"),
                let made = metadata?["creationTimestamp"]?.string.flatMap({ Moment($0) }), made > start,
                made.seconds > now.seconds - interval
            else { return nil }
            return name
        }.sorted()
    }
}
