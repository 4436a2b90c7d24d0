// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsStorage
import KecsSystem

/// Puts KECS's control plane into a cluster and waits until it is up. Can be repeated: everything is applied.
struct ControlPlane: Sendable {
    let machine: Machine
    let kubectl: Kubectl
    let instance: String

    func apply(_ manifests: ControlPlaneManifests) async throws {
        try await waitOutTermination()
        let (_, complaint) = try await kubectl.apply(manifests.objects)
        if let complaint {
            throw Failure(
                .failed, "the control plane of “\(instance)” could not be deployed", cause: complaint,
                remedy: "kecsctl doctor \(instance)")
        }
    }

    /// Applying into a namespace that is going exits 0, and then all of it goes (K62c).
    private func waitOutTermination() async throws {
        let isGone = try await machine.clock.wait(upTo: .seconds(60), every: .seconds(1)) {
            try machine.cancellation.check()
            let namespace = try await kubectl.object(
                "namespace", ControlPlaneManifests.namespace, namespace: nil)
            return namespace?["metadata"]?["deletionTimestamp"] == nil
        }
        guard isGone else {
            throw Failure(
                .timeout,
                "the namespace \(ControlPlaneManifests.namespace) of “\(instance)” is being deleted",
                cause: "a finalizer holds it",
                remedy:
                    "kubectl --kubeconfig \(kubectl.kubeconfig) get namespace \(ControlPlaneManifests.namespace) -o yaml"
            )
        }
    }

    /// - Parameter deployment: The control plane's, or a component's.
    func waitUntilAvailable(
        _ deployment: String = ControlPlaneManifests.deployment, limit: Duration
    ) async throws {
        let what =
            deployment == ControlPlaneManifests.deployment ? "control plane" : "component \(deployment)"
        machine.progress.step("waiting for the \(what)", total: nil)
        var last = "it is not there"
        let isUp = try await machine.clock.wait(upTo: limit, every: .seconds(1)) {
            try machine.cancellation.check()
            guard
                let object = try await kubectl.object(
                    "deployment", deployment, namespace: ControlPlaneManifests.namespace
                )
            else { return false }
            switch Rollout(of: object) {
            case .complete: return true
            case .waiting(let why):
                last = why
                return false
            case .failed(let why):
                throw Failure(
                    .failed, "the \(what) of “\(instance)” does not start", cause: why,
                    remedy: "kecsctl logs \(instance)")
            }
        }
        guard isUp else {
            throw Failure(
                .timeout, "the \(what) of “\(instance)” did not become available within \(limit)",
                cause: last, remedy: "kecsctl logs \(instance)")
        }
    }
}
