// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// The kubectl command line against one cluster, one call each. Nothing is decided by kubectl's texts, only by exit
/// status and JSON.
struct Kubectl: Sendable {
    let machine: Machine
    let kubeconfig: FilePath
    /// The cluster's name in messages.
    let cluster: String

    /// The limit of a request. With a load balancer whose server is gone kubectl waits 27 s for nothing (K84).
    static let patience = "--request-timeout=10s"
    static let fieldManager = "kecsctl"

    /// Returns whether the API server reports that it is ready, and its answer otherwise, for messages.
    func readyz() async throws -> (isReady: Bool, why: String) {
        let result = try await run(["get", "--raw", "/readyz", Self.patience], limit: .seconds(15))
        if result.succeeded, result.outputText == "ok" { return (true, "ok") }
        return (false, result.firstComplaint)
    }

    /// A node in the cluster's records.
    struct Node: Hashable, Sendable {
        var name: String
        var address: String?
        var isReady: Bool
    }

    func nodes() async throws -> [Node] {
        try await get(["nodes"], namespace: nil).compactMap { node in
            guard let name = node["metadata"]?["name"]?.string else { return nil }
            func entry(_ list: String, _ type: String, _ value: String) -> String? {
                node["status"]?[list]?.array?.first { $0["type"]?.string == type }?[value]?.string
            }
            return Node(
                name: name, address: entry("addresses", "InternalIP", "address"),
                isReady: entry("conditions", "Ready", "status") == "True")
        }
    }

    /// Applies objects in the given order, including existing ones. One call.
    ///
    /// - Parameter forced: True to take over fields that another client has set.
    /// - Returns: The names that kubectl reports as applied, such as `deployment.apps/web`; all of them, unless
    ///   `complaint` is set.
    func apply(
        _ objects: [JSONValue], forced: Bool = true, limit: Duration = .seconds(120)
    ) async throws -> (applied: Set<String>, complaint: String?) {
        guard !objects.isEmpty else { return ([], nil) }
        let list: JSONValue = ["apiVersion": "v1", "kind": "List", "items": .array(objects)]
        let result = try await run(
            ["apply", "--server-side"] + (forced ? ["--force-conflicts"] : [])
                + ["--field-manager=\(Self.fieldManager)", "--request-timeout=60s", "-f", "-"],
            input: Array(list.text().utf8), limit: limit)
        let applied = result.outputText.split(separator: "\n").compactMap { line in
            line.hasSuffix(" serverside-applied") ? String(line.dropLast(" serverside-applied".count)) : nil
        }
        guard result.succeeded else { return (Set(applied), result.allComplaints) }
        // Exit 0 and fewer lines than objects: the request was not carried out.
        guard applied.count >= objects.count else {
            return (
                Set(applied),
                "kubectl applied \(applied.count) of \(objects.count) objects and said nothing of the others"
            )
        }
        return (Set(applied), nil)
    }

    /// Makes one object that is not there yet; with its status, where that is no subresource.
    ///
    /// - Returns: Why it was not made; nil when it was.
    func create(_ object: JSONValue) async throws -> String? {
        let result = try await run(
            ["create", Self.patience, "-f", "-"], input: Array(object.text().utf8), limit: .seconds(30))
        return result.succeeded ? nil : result.allComplaints
    }

    /// - Returns: Why it was not done; nil when it was.
    func scale(_ workload: String, namespace: String, to replicas: Int) async throws -> String? {
        let result = try await run(
            ["scale", workload, "-n", namespace, "--replicas=\(replicas)", Self.patience], limit: .seconds(30)
        )
        return result.succeeded ? nil : result.allComplaints
    }

    /// Objects of some kinds, by label if one is given. A namespace that is not there holds none.
    ///
    /// - Throws: `Failure(.unreachable)` when they cannot be determined.
    func get(
        _ kinds: [String], namespace: String?, label: String? = nil, everywhere: Bool = false
    ) async throws -> [JSONValue] {
        var words = ["get", kinds.joined(separator: ",")]
        if let namespace { words += ["-n", namespace] }
        if everywhere { words += ["-A"] }
        if let label { words += ["-l", label] }
        words += ["--ignore-not-found", "-o", "json", Self.patience]
        var result = try await run(words, limit: .seconds(60))
        guard result.succeeded, !result.isCut else {
            throw unreachable("cannot determine what is in “\(cluster)”", result)
        }
        // With --ignore-not-found, kubectl prints nothing at all for nothing (K07).
        if result.output.isEmpty { result.output = Array(#"{"items":[]}"#.utf8) }
        let list: JSONValue
        do {
            list = try JSONValue(parsing: result.outputText)
        } catch {
            throw Failure(
                .unreachable, "cannot determine what is in “\(cluster)”",
                cause: "kubectl printed no JSON: \(result.outputText.prefix(200))",
                remedy: "kubectl version")
        }
        return list["items"]?.array ?? [list]
    }

    /// Returns an object by its name; nil when it does not exist.
    func object(_ kind: String, _ name: String, namespace: String?) async throws -> JSONValue? {
        var words = ["get", kind, name]
        if let namespace { words += ["-n", namespace] }
        words += ["--ignore-not-found", "-o", "json", Self.patience]
        let result = try await run(words, limit: .seconds(30))
        guard result.succeeded, !result.isCut else {
            throw unreachable("cannot determine whether “\(cluster)” has \(kind) \(name)", result)
        }
        guard !result.output.isEmpty else { return nil }
        do {
            return try JSONValue(parsing: result.outputText)
        } catch {
            throw unreachable("kubectl printed no JSON for \(kind) \(name) of “\(cluster)”", result)
        }
    }

    /// Removes everything with a label, in all namespaces, and waits until it is gone with everything that it has made.
    /// After the removal of a Deployment, its Pods can still be found for a while.
    ///
    /// - Returns: The names that kubectl reports as removed.
    func delete(_ kinds: [String], label: String, limit: Duration) async throws -> [String] {
        let seconds = max(1, limit.components.seconds)
        let result = try await run(
            [
                "delete", kinds.joined(separator: ","), "-A", "-l", label, "--ignore-not-found",
                "--cascade=foreground", "--timeout=\(seconds)s", "-o", "name",
            ], limit: limit + .seconds(10))
        guard result.succeeded else {
            throw Failure(
                .failed, "not everything could be removed from “\(cluster)”", cause: result.allComplaints)
        }
        return result.outputText.split(separator: "\n").map(String.init)
    }

    // MARK: Looking into a pod

    /// Hands over the log of a workload's container: its two streams as one, in their original order.
    ///
    /// - Parameter workload: "deployment/kecs-server"; of several pods, the first one.
    func log(
        _ workload: String, container: String, namespace: String, _ request: LogRequest,
        output: @Sendable @escaping ([UInt8]) throws -> Void
    ) async throws {
        // Without --request-timeout, which would end --follow too.
        var call = call(["logs", workload, "-n", namespace, "--container", container] + request.words)
        call.limit = request.limit
        let result = try await machine.processes.stream(call, output: output)
        guard result.succeeded else {
            throw Failure(
                .failed, "the log of \(workload) in “\(cluster)” cannot be read",
                cause: result.firstComplaint,
                remedy: "kubectl --kubeconfig \(kubeconfig) describe pods -n \(namespace)")
        }
    }

    /// Runs a program in a workload's container. Its exit status is kubectl's (K59), but 1 may also be kubectl's own.
    func execute(
        _ arguments: [String], in workload: String, container: String, namespace: String
    ) async throws -> ProcessResult {
        try await run(
            ["exec", workload, "-n", namespace, "--container", container, Self.patience, "--"] + arguments,
            limit: .seconds(20))
    }

    func unreachable(_ message: String, _ result: ProcessResult) -> Failure {
        Failure(
            .unreachable, message, cause: result.firstComplaint,
            remedy: "kubectl --kubeconfig \(kubeconfig) cluster-info")
    }

    func run(
        _ arguments: [String], input: [UInt8]? = nil, limit: Duration
    ) async throws -> ProcessResult {
        var call = call(arguments)
        call.limit = limit
        call.outputLimit = 64 << 20
        if let input { call.input = .bytes(input) }
        return try await machine.processes.run(call)
    }

    private func call(_ arguments: [String]) -> ProcessCall {
        var call = ProcessCall("kubectl", arguments)
        call.environment = ["KUBECONFIG": kubeconfig.string]
        return call
    }
}

extension ProcessResult {
    /// Every line of the error stream, each once: kubectl repeats itself (K52, K65).
    var allComplaints: String {
        if end == .timedOut { return firstComplaint }
        var lines: [Substring] = []
        for line in errorText.split(separator: "\n") where !lines.contains(line) { lines.append(line) }
        return lines.isEmpty ? firstComplaint : lines.prefix(20).joined(separator: " | ")
    }
}

/// The state of a workload compared with its specification, according to its controller.
enum Rollout: Hashable, Sendable {
    case complete
    case waiting(String)
    /// Its controller gave up (`ProgressDeadlineExceeded`).
    case failed(String)

    /// - Parameter object: A Deployment or DaemonSet as the API returns it.
    init(of object: JSONValue) {
        func number(_ path: String...) -> Int64 {
            var value: JSONValue? = object
            for key in path { value = value?[key] }
            guard case .integer(let number)? = value else { return 0 }
            return number
        }
        let conditions = object["status"]?["conditions"]?.array ?? []
        // A status from before the last change says nothing about it.
        guard number("status", "observedGeneration") >= number("metadata", "generation") else {
            self = .waiting("its controller has not seen it yet")
            return
        }
        if let condition = conditions.first(where: {
            $0["type"]?.string == "Progressing" && $0["reason"]?.string == "ProgressDeadlineExceeded"
        }) {
            self = .failed(condition["message"]?.string ?? "ProgressDeadlineExceeded")
            return
        }
        let wanted: Int64
        let updated: Int64
        let available: Int64
        if object["kind"]?.string == "DaemonSet" {
            wanted = number("status", "desiredNumberScheduled")
            updated = number("status", "updatedNumberScheduled")
            available = number("status", "numberAvailable")
        } else {
            if case .integer(let replicas)? = object["spec"]?["replicas"] {
                wanted = replicas
            } else {
                wanted = 1
            }
            updated = number("status", "updatedReplicas")
            available = number("status", "availableReplicas")
        }
        if updated >= wanted, available >= wanted {
            self = .complete
        } else {
            self = .waiting("\(min(updated, available)) of \(wanted) are available")
        }
    }
}
