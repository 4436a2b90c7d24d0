// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import KecsVelero

/// Ends Velero and its store, so that the store's folder can be copied and its cluster deleted.
struct RestVelero: Sendable {
    let machine: Machine
    let kubectl: Kubectl
    let setup: VeleroSetup

    func run(removing names: [String], limit: Duration) async throws -> [String] {
        machine.progress.step("ending Velero and its store", total: nil)
        let namespace = VeleroManifests.namespace
        // The server first: it would only note that its store is gone.
        for workload in ["deployment/\(VeleroManifests.server)", "statefulset/\(VeleroManifests.store)"] {
            if let complaint = try await kubectl.scale(workload, namespace: namespace, to: 0) {
                throw Failure(
                    .failed, "\(workload) of “\(setup.instance.name)” could not be ended", cause: complaint,
                    remedy: "kecsctl doctor \(setup.instance.name)")
            }
        }
        var left: [String] = []
        let isAtRest = try await machine.clock.wait(upTo: limit, every: .milliseconds(500)) {
            try machine.cancellation.check()
            left = try await kubectl.get(["pods"], namespace: namespace).filter { pod in
                let labels = pod["metadata"]?["labels"]
                return labels?["deploy"]?.string == VeleroManifests.server
                    || labels?["app"]?.string == VeleroManifests.store
            }.compactMap { $0["metadata"]?["name"]?.string }
            return left.isEmpty
        }
        guard isAtRest else {
            throw Failure(
                .timeout, "Velero's store of “\(setup.instance.name)” does not end",
                cause: "\(left.sorted().joined(separator: ", ")) still runs after \(limit)",
                remedy: "kecsctl doctor \(setup.instance.name)")
        }
        let store = HostStore(instance: setup.instance, machine: machine)
        for name in names { try store.remove(name) }
        return names
    }
}
