// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Kecs
import KecsDoctor
import KecsSystem
import KecsVelero
import SystemPackage

/// A check that asks the cluster itself, through the kubectl of every k3s node: needs no kubeconfig, reads only.
struct InsideClusterCheck: InstanceCheck {
    let info: CheckInfo
    let engine: EngineFacts
    let answers: InsideAnswers
    let question: [String]
    let judge: @Sendable (JSONValue, InstanceFacts, Look) throws -> [Finding]

    func run(_ facts: InstanceFacts, _ look: Look) async throws -> [Finding] {
        guard facts.instance.config.runtime == .k3d, facts.state == .running,
            let server = try engine.server(of: facts), server.status == "running"
        else { return [] }
        var call = ProcessCall(
            "docker", ["exec", server.name, "kubectl", "--request-timeout=4s"] + question + ["-o", "json"])
        call.limit = .seconds(6)
        let processes = look.site.machine.processes
        let result = try await answers.answer(call.arguments) { [call] in try await processes.run(call) }
        guard result.succeeded else {
            // A kind of object that the cluster does not know is no trouble: it is not installed.
            if result.errorText.contains("doesn't have a resource type")
                || result.errorText.contains("NotFound")
            {
                return []
            }
            throw CannotTell(
                result.errorText.split(separator: "\n").first.map(String.init) ?? "the cluster did not answer"
            )
        }
        return try judge(
            JSONFile.decode(JSONValue.self, from: result.output, at: "kubectl"), facts, look)
    }

    static func all(_ engine: EngineFacts) -> [any Check] {
        let answers = InsideAnswers()
        return own(engine, answers) + VeleroChecks.all(engine, answers)
    }

    private static func own(_ engine: EngineFacts, _ answers: InsideAnswers) -> [any Check] {
        [
            InsideClusterCheck(
                info: CheckInfo(
                    "cluster.node-ip-drift", .instance, .error,
                    "the cluster knows its nodes by their addresses"),
                engine: engine, answers: answers, question: ["get", "nodes"],
                judge: { json, facts, _ in try nodes(json, facts, engine) }),
            InsideClusterCheck(
                info: CheckInfo(
                    "cluster.coredns-hosts", .instance, .warning, "CoreDNS knows the nodes by their addresses"
                ),
                engine: engine, answers: answers,
                question: ["-n", "kube-system", "get", "configmap", "coredns"],
                judge: { json, facts, _ in try hosts(json, facts, engine) }),
            InsideClusterCheck(
                info: CheckInfo(
                    "velero.location", .instance, .error, "Velero's backup locations are available"),
                engine: engine, answers: answers,
                question: ["-n", "velero", "get", "backupstoragelocations.velero.io"],
                judge: locations),
            InsideClusterCheck(
                info: CheckInfo(
                    "velero.image", .instance, .error, "Velero's and its store's images are available"),
                engine: engine, answers: answers, question: ["-n", "velero", "get", "pods"],
                judge: VeleroImageCheck.judge),
            InsideClusterCheck(
                info: CheckInfo("velero.expired", .instance, .warning, "no Velero backup has expired"),
                engine: engine, answers: answers, question: ["-n", "velero", "get", "backups.velero.io"],
                judge: expired),
            InsideClusterCheck(
                info: CheckInfo("velero.failed", .instance, .warning, "the last Velero backup was completed"),
                engine: engine, answers: answers, question: ["-n", "velero", "get", "backups.velero.io"],
                judge: failed),
        ]
    }

    private static func address(_ name: String, _ engine: EngineFacts) throws -> String? {
        let container = try engine.containers.get().first { $0.name == name }
        let network = container?.labels["k3d.cluster"].map { "k3d-\($0)" } ?? ""
        return container?.addresses[network] ?? container?.addresses.values.first
    }

    @Sendable private static func nodes(
        _ json: JSONValue, _ facts: InstanceFacts, _ engine: EngineFacts
    ) throws -> [Finding] {
        try (json["items"]?.array ?? []).compactMap { node in
            guard let name = node["metadata"]?["name"]?.string, let now = try address(name, engine),
                !now.isEmpty,
                let known = node["status"]?["addresses"]?.array?.first(where: {
                    $0["type"]?.string == "InternalIP"
                })?["address"]?.string,
                known != now
            else { return nil }
            return Finding(
                .error, "the cluster of “\(facts.name)” knows \(name) as \(known), and its address is \(now)",
                ["node": .string(name), "known": .string(known), "now": .string(now)],
                remedy: "kecsctl restart \(facts.name)")
        }
    }

    @Sendable private static func hosts(
        _ json: JSONValue, _ facts: InstanceFacts, _ engine: EngineFacts
    ) throws -> [Finding] {
        let text = json["data"]?["NodeHosts"]?.string ?? ""
        return try text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            guard words.count > 1, let now = try address(words[1], engine), !now.isEmpty, now != words[0]
            else { return nil }
            return Finding(
                .warning,
                "CoreDNS of “\(facts.name)” tells \(words[0]) for \(words[1]), whose address is \(now)",
                ["node": .string(words[1]), "told": .string(words[0]), "now": .string(now)],
                remedy: "kecsctl restart \(facts.name)")
        }
    }

    @Sendable private static func locations(
        _ json: JSONValue, _ facts: InstanceFacts, _ look: Look
    ) -> [Finding] {
        (json["items"]?.array ?? []).compactMap { location in
            let name = location["metadata"]?["name"]?.string ?? ""
            let phase = location["status"]?["phase"]?.string ?? "Unknown"
            guard phase != "Available" else { return nil }
            return Finding(
                .error,
                "Velero's location “\(name)” of “\(facts.name)” is \(phase)"
                    + (location["status"]?["message"]?.string.map { ": \(VeleroReason.translated($0))" } ?? ""),
                ["phase": .string(phase), "message": location["status"]?["message"] ?? .null],
                remedy: "kecsctl start \(facts.name)")
        }
    }

    @Sendable private static func expired(
        _ json: JSONValue, _ facts: InstanceFacts, _ look: Look
    ) -> [Finding] {
        (json["items"]?.array ?? []).compactMap { backup in
            guard let text = backup["status"]?["expiration"]?.string, let expiration = Moment(text),
                expiration < look.now
            else { return nil }
            let name = backup["metadata"]?["name"]?.string ?? ""
            return Finding(
                .warning,
                "Velero's backup “\(name)” of “\(facts.name)” expired on \(expiration): Velero removes it as soon as its controller “gc” runs, which kecsctl leaves off",
                ["expiration": .string(text)], remedy: "kecsctl backup \(facts.name)")
        }
    }

    @Sendable private static func failed(
        _ json: JSONValue, _ facts: InstanceFacts, _ look: Look
    ) throws -> [Finding] {
        let backups = (json["items"]?.array ?? []).sorted {
            ($0["metadata"]?["creationTimestamp"]?.string ?? "")
                > ($1["metadata"]?["creationTimestamp"]?.string ?? "")
        }
        guard let last = backups.first, let phase = last["status"]?["phase"]?.string,
            ["PartiallyFailed", "Failed", "FailedValidation"].contains(phase)
        else { return [] }
        let name = last["metadata"]?["name"]?.string ?? ""
        var reasons =
            [last["status"]?["failureReason"]?.string].compactMap(\.self)
            + (last["status"]?["validationErrors"]?.array ?? []).compactMap(\.string)
        reasons = reasons.map(VeleroReason.translated)
        if reasons.isEmpty {
            reasons = try HostStore(instance: facts.instance, machine: look.site.machine).errors(of: name)
        }
        return [
            Finding(
                .warning,
                "the last Velero backup of “\(facts.name)”, “\(name)”, ended as \(phase)"
                    + (reasons.isEmpty ? "" : ": \(reasons.joined(separator: "; "))"),
                ["phase": .string(phase), "errors": .array(reasons.map(JSONValue.string))],
                remedy: ShellWords.quote(["kecsctl", "backups", "show", "velero:\(facts.name)/\(name)"]))
        ]
    }
}

/// What clusters answered: each question is asked once, for all checks that have it.
actor InsideAnswers {
    private var asked: [[String]: Task<ProcessResult, any Error>] = [:]

    func answer(
        _ question: [String], _ ask: @Sendable @escaping () async throws -> ProcessResult
    ) async throws -> ProcessResult {
        if let task = asked[question] { return try await task.value }
        let task = Task { try await ask() }
        asked[question] = task
        return try await task.value
    }
}
