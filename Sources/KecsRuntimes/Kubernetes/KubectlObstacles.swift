// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsState
import KecsSystem

/// The reasons why the pods of a namespace do not come up, by workload: the reason for which their containers wait,
/// their last end, and the messages of the scheduler and the controllers.
struct KubectlObstacles {
    private let namespace: String
    private let pods: [JSONValue]
    private let events: [JSONValue]
    /// Names of Deployments, by ReplicaSet.
    private let deployments: [String: String]
    private let workloads: [JSONValue]

    init(_ kubectl: Kubectl, namespace: String) async throws {
        self.init(
            namespace: namespace,
            found: try await kubectl.get(
                ["deployments.apps", "daemonsets.apps", "replicasets.apps", "pods", "events"],
                namespace: namespace))
    }

    /// - Parameter found: Workloads, their pods and the events about them.
    init(namespace: String, found: [JSONValue]) {
        self.namespace = namespace
        func all(_ kind: String) -> [JSONValue] { found.filter { $0["kind"]?.string == kind } }
        pods = all("Pod")
        events = all("Event").filter { $0["type"]?.string == "Warning" }
        workloads = all("Deployment") + all("DaemonSet")
        deployments = Dictionary(
            all("ReplicaSet").compactMap { set in
                guard let name = set["metadata"]?["name"]?.string,
                    let owner = Self.owner(of: set, "Deployment")
                else { return nil }
                return (name, owner)
            }
        ) { first, _ in first }
    }

    func byWorkload() -> [KubernetesObject.ID: RolloutObstacle] {
        var found: [KubernetesObject.ID: RolloutObstacle] = [:]
        func add(_ id: KubernetesObject.ID, _ obstacle: RolloutObstacle?) {
            guard let obstacle else { return }
            if let other = found[id], Self.rank(other) >= Self.rank(obstacle) { return }
            found[id] = obstacle
        }
        for workload in workloads {
            guard let kind = workload["kind"]?.string, let name = workload["metadata"]?["name"]?.string else {
                continue
            }
            add(KubernetesObject.ID(kind, namespace, name), creation(of: workload, kind, name))
        }
        for pod in pods where pod["metadata"]?["deletionTimestamp"] == nil {
            guard let id = workload(of: pod) else { continue }
            add(id, obstacle(of: pod))
        }
        return found
    }

    private static func rank(_ obstacle: RolloutObstacle) -> Int {
        switch obstacle.certainty {
        case .none: 0
        case .lasting: 1
        case .certain: 2
        }
    }

    private static func owner(of object: JSONValue, _ kind: String) -> String? {
        object["metadata"]?["ownerReferences"]?.array?.first { $0["kind"]?.string == kind }?["name"]?.string
    }

    private func workload(of pod: JSONValue) -> KubernetesObject.ID? {
        if let set = Self.owner(of: pod, "ReplicaSet") {
            return deployments[set].map { KubernetesObject.ID("Deployment", namespace, $0) }
        }
        if let name = Self.owner(of: pod, "DaemonSet") {
            return KubernetesObject.ID("DaemonSet", namespace, name)
        }
        return pod["metadata"]?["name"]?.string.map { KubernetesObject.ID("Pod", namespace, $0) }
    }

    /// Returns the obstacle when the API refuses the pods themselves: a quota, a webhook, a missing service account.
    private func creation(of workload: JSONValue, _ kind: String, _ name: String) -> RolloutObstacle? {
        let failure = workload["status"]?["conditions"]?.array?.first {
            $0["type"]?.string == "ReplicaFailure" && $0["status"]?.string == "True"
        }
        if let failure {
            return RolloutObstacle(Self.words(failure["reason"], failure["message"]), .certain)
        }
        guard kind == "DaemonSet", let event = event(about: kind, name, ["FailedCreate"]) else { return nil }
        return RolloutObstacle(
            Self.words(event["reason"], event["message"]), Self.isRepeated(event) ? .certain : .lasting)
    }

    // MARK: Pods

    func obstacle(of pod: JSONValue) -> RolloutObstacle? {
        let status = pod["status"]
        let name = pod["metadata"]?["name"]?.string ?? ""
        let scheduled = status?["conditions"]?.array?.first { $0["type"]?.string == "PodScheduled" }
        if scheduled?["status"]?.string == "False" {
            return RolloutObstacle("FailedScheduling: \(scheduled?["message"]?.string ?? "")", .lasting)
        }
        let containers =
            (status?["initContainerStatuses"]?.array ?? []) + (status?["containerStatuses"]?.array ?? [])
        var weak: RolloutObstacle?
        for container in containers {
            guard let obstacle = obstacle(ofContainer: container) else { continue }
            if obstacle.certainty != .none { return obstacle }
            weak = weak ?? obstacle
        }
        if let event = event(
            about: "Pod", name, ["FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"])
        {
            return RolloutObstacle(
                Self.words(event["reason"], event["message"]), Self.isRepeated(event) ? .certain : .lasting)
        }
        if let event = event(about: "Pod", name, ["Unhealthy"]) {
            return RolloutObstacle(Self.words(event["reason"], event["message"]), .none)
        }
        return weak
    }

    private func obstacle(ofContainer container: JSONValue) -> RolloutObstacle? {
        let name = container["name"]?.string ?? ""
        let last = (container["lastState"]?["terminated"] ?? container["state"]?["terminated"]).map { ended in
            "container \(name) ended with \(ended["exitCode"]?.integer ?? -1)"
                + (ended["reason"]?.string.map { " (\($0))" } ?? "")
                + (ended["message"]?.string.map { ": \($0)" } ?? "")
        }
        guard let waiting = container["state"]?["waiting"], let reason = waiting["reason"]?.string else {
            // It is between two attempts: it has just ended once more.
            return last.map { RolloutObstacle($0, .none) }
        }
        switch reason {
        case "ContainerCreating", "PodInitializing": return nil
        case "CrashLoopBackOff":
            let isOver = (container["restartCount"]?.integer ?? 0) >= 3
            return RolloutObstacle(
                "\(reason): \(last ?? "container \(name) ends")", isOver ? .certain : .none)
        case "ErrImagePull":
            return RolloutObstacle(Self.words(waiting["reason"], waiting["message"]), .lasting)
        default:
            return RolloutObstacle(Self.words(waiting["reason"], waiting["message"]), .certain)
        }
    }

    // MARK: Events

    private func event(about kind: String, _ name: String, _ reasons: Set<String>) -> JSONValue? {
        events.last { event in
            event["involvedObject"]?["kind"]?.string == kind
                && event["involvedObject"]?["name"]?.string == name
                && reasons.contains(event["reason"]?.string ?? "")
        }
    }

    private static func isRepeated(_ event: JSONValue) -> Bool {
        (event["count"]?.integer ?? event["series"]?["count"]?.integer ?? 1) >= 3
    }

    private static func words(_ reason: JSONValue?, _ message: JSONValue?) -> String {
        [reason?.string, message?.string].compactMap(\.self).joined(separator: ": ")
    }
}
