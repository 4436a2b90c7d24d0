// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsDoctor
import KecsSystem
import KecsVelero

/// What goes wrong with Velero in a cluster, as far as its objects and pods tell. `docs/velero.md` has the table.
enum VeleroChecks {
    /// One question for all of them.
    static let question = [
        "-n", "velero", "get",
        "pods,daemonsets.apps,backups.velero.io,restores.velero.io,deletebackuprequests.velero.io,"
            + "podvolumerestores.velero.io,backuprepositories.velero.io",
    ]
    static let volumes = ["get", "persistentvolumeclaims,persistentvolumes,pods", "-A"]
    static let definitions = ["get", "customresourcedefinitions", "-l", "component=velero"]

    /// A question about Velero: its id, the worst that it can find, what holds when it passes, and the answer.
    private struct Question {
        let id: String
        let severity: Severity
        let claim: String
        let words: [String]
        let judge: @Sendable (Answer) throws -> [Finding]

        init(
            _ id: String, _ severity: Severity, _ claim: String,
            asking words: [String] = VeleroChecks.question,
            _ judge: @escaping @Sendable (Answer) throws -> [Finding]
        ) {
            self.id = id
            self.severity = severity
            self.claim = claim
            self.words = words
            self.judge = judge
        }
    }

    static func all(_ engine: EngineFacts, _ answers: InsideAnswers) -> [any Check] {
        [
            Question("velero.pod", .error, "Velero's pods and its store's come up", pods),
            Question("velero.restarted", .warning, "Velero was not started again by itself", restarted),
            Question("velero.node-agent", .error, "Velero's node agent runs on every node", nodeAgent),
            Question("velero.stuck", .warning, "Velero takes up what it is asked for", stuck),
            Question("velero.restore", .warning, "the last restore by Velero was completed", lastRestore),
            Question("velero.volume-restore", .warning, "no volume is still being filled", fillings),
            Question("velero.repository", .error, "Velero can use the repositories of volumes", repositories),
            Question("velero.deletion", .warning, "Velero removes what it is told to", deletions),
            Question(
                "velero.volumes", .warning, "no volume in the cluster is without a backup",
                asking: volumes, lostVolumes),
            Question(
                "velero.definitions", .error, "Velero's definitions in the cluster are those of its release",
                asking: definitions, oldDefinitions),
        ].map { question in
            InsideClusterCheck(
                info: CheckInfo(question.id, .instance, question.severity, question.claim), engine: engine,
                answers: answers, question: question.words
            ) { json, facts, look in
                try question.judge(
                    Answer(items: json["items"]?.array ?? [], facts: facts, now: look.now, site: look.site))
            }
        }
    }

    /// What the cluster has.
    struct Answer: Sendable {
        let items: [JSONValue]
        let facts: InstanceFacts
        let now: Moment
        let site: Site

        var name: InstanceName { facts.name }

        func all(_ kind: String) -> [JSONValue] { items.filter { $0["kind"]?.string == kind } }

        /// In seconds.
        func age(_ object: JSONValue) -> Int64? {
            object["metadata"]?["creationTimestamp"]?.string.flatMap { Moment($0) }.map {
                now.seconds - $0.seconds
            }
        }
    }

    // MARK: Pods

    @Sendable private static func pods(_ answer: Answer) -> [Finding] {
        let obstacles = KubectlObstacles(namespace: VeleroManifests.namespace, found: answer.items)
        return answer.all("Pod").compactMap { pod in
            let name = pod["metadata"]?["name"]?.string ?? ""
            guard let why = obstacles.certain(of: pod) else { return nil }
            let isMount = why.contains("not a shared or slave mount")
            return Finding(
                .error,
                "the pod \(name) of “\(answer.name)” does not come up: \(VeleroReason.translated(why))",
                ["pod": .string(name), "message": .string(why)],
                // The nodes get shared mounts when they are made.
                remedy: isMount
                    ? "kecsctl restart \(answer.name)"
                    : "kecsctl start \(answer.name)")
        }
    }

    @Sendable private static func restarted(_ answer: Answer) -> [Finding] {
        answer.all("Pod").compactMap { pod in
            guard pod["metadata"]?["labels"]?["deploy"]?.string == VeleroManifests.server,
                let end = VeleroEnd(pod), end.isOutOfMemory || end.restarts >= 3
            else { return nil }
            return Finding(
                .warning, "Velero of “\(answer.name)” does not stay up: \(end.sentence)",
                [
                    "pod": pod["metadata"]?["name"] ?? .null, "restarts": .integer(end.restarts),
                    "outOfMemory": .bool(end.isOutOfMemory),
                ],
                remedy: end.isOutOfMemory
                    ? "kecsctl config set veleroMemory 1GiB --instance \(answer.name)"
                    : "kecsctl start \(answer.name)")
        }
    }

    @Sendable private static func nodeAgent(_ answer: Answer) -> [Finding] {
        answer.all("DaemonSet").compactMap { set in
            guard set["metadata"]?["name"]?.string == VeleroManifests.nodeAgent else { return nil }
            let wanted = set["status"]?["desiredNumberScheduled"]?.integer ?? 0
            let ready = set["status"]?["numberReady"]?.integer ?? 0
            guard ready < wanted else { return nil }
            return Finding(
                .error,
                "Velero's node agent of “\(answer.name)” runs on \(ready) of \(wanted) nodes: volumes on the others are in no backup",
                ["wanted": .integer(wanted), "ready": .integer(ready)], remedy: "kecsctl start \(answer.name)"
            )
        }
    }
}

extension KubectlObstacles {
    /// Why a pod will not come up by itself; nil while it may. An image that is missing is another check's.
    func certain(of pod: JSONValue) -> String? {
        guard pod["metadata"]?["deletionTimestamp"] == nil, let found = obstacle(of: pod),
            found.certainty == .certain, !found.why.contains("Pull"), !found.why.contains("InvalidImageName")
        else { return nil }
        return found.why
    }
}
