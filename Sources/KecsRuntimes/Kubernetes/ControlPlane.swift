// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsState
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

    /// Returns why no control plane serves: its Deployment is gone or scaled to zero, or its pod does not come up. Nil:
    /// it is available.
    func missing() async throws -> String? {
        let found = try await kubectl.object(
            "deployment", ControlPlaneManifests.deployment, namespace: ControlPlaneManifests.namespace)
        guard let found else {
            return
                "the Deployment \(ControlPlaneManifests.namespace)/\(ControlPlaneManifests.deployment) is gone"
        }
        if found["metadata"]?["deletionTimestamp"] != nil { return "its Deployment is being deleted" }
        if found["spec"]?["replicas"]?.integer == 0 { return "its Deployment has 0 replicas" }
        switch Rollout(of: found) {
        case .complete: return nil
        case .failed(let why): return why
        case .waiting(let why):
            // During an update the old pod may keep serving.
            if (found["status"]?["availableReplicas"]?.integer ?? 0) > 0 { return nil }
            return try await obstacle(of: ControlPlaneManifests.deployment)?.why ?? why
        }
    }

    private func obstacle(of deployment: String) async throws -> RolloutObstacle? {
        let namespace = ControlPlaneManifests.namespace
        return try await KubectlObstacles(kubectl, namespace: namespace).byWorkload()[
            KubernetesObject.ID("Deployment", namespace, deployment)]
    }

    /// Waits for the end of a namespace's removal. Applying into such a namespace exits 0, and then everything is
    /// removed (K62c).
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

    /// The database as the pod sees it.
    ///
    /// - Parameter path: In the container.
    func database(_ path: String) async throws -> ServerView {
        func execute(_ words: [String]) async throws -> ProcessResult {
            try await kubectl.execute(
                words, in: "deployment/\(ControlPlaneManifests.deployment)",
                container: ControlPlaneManifests.container, namespace: ControlPlaneManifests.namespace)
        }
        // kubectl exits with 1 when the program cannot be run as well as when the program does. Every user may read the
        // folder above it, so a line about that folder proves that the program ran.
        let result = try await execute(["stat", "-c", "%i %s", "/", path])
        let lines = result.outputText.split(separator: "\n")
        guard let line = lines.last else {
            return .unknown("its container has no “stat” to ask (\(result.firstComplaint))")
        }
        guard lines.count == 2 else { return .nothing(path) }
        let numbers = line.split(separator: " ").compactMap { UInt64($0) }
        guard numbers.count == 2 else { return .unknown("“stat” in its container printed “\(line)”") }
        let head = try await execute(["head", "-c", "64", path])
        return .database(
            SeenDatabase(
                path: path, size: Int64(clamping: numbers[1]), inode: numbers[0],
                head: head.succeeded ? head.output : []))
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
                let obstacle = try await obstacle(of: deployment)
                last = obstacle.map { "\($0.why) (\(why))" } ?? why
                if obstacle?.certainty == .certain {
                    throw Failure(
                        .failed, "the \(what) of “\(instance)” does not start", cause: last,
                        remedy: "kecsctl logs \(instance)")
                }
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
