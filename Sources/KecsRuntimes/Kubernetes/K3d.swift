// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// The k3d command line, one call each. The behaviour of k3d 5.9 at each call is recorded in `Tests/Fixtures/k3d-5.9`.
///
/// Its exit status proves little: `delete` exits 0 when docker is down, `create` exits 0 with an unreachable API. So an
/// answer here only means that k3d said so; `K3dCluster` and `/readyz` are believed.
struct K3d: Sendable {
    let machine: Machine
    /// The kubeconfig is ours, never the user's: `delete` removes entries from the file that $KUBECONFIG names.
    let ownKubeconfig: FilePath

    /// The time limit of a call that only asks.
    static let question = Duration.seconds(30)

    /// The answer to whether a cluster exists. A tool that fails to answer means unknown.
    enum Existence: Sendable {
        case absent
        case present(K3dCluster)
        case unknown(String)
    }

    func existence(of cluster: String) async throws -> Existence {
        do {
            return .init(try await clusters().first { $0.name == cluster })
        } catch let failure as Failure where failure.kind == .unreachable {
            return .unknown(failure.cause ?? failure.message)
        } catch ProcessError.notFound(let program) {
            // For a cluster that was ever made there is at least its kubeconfig or its draft.
            let place = ownKubeconfig.removingLastComponent()
            let traces = [
                ownKubeconfig, place.appending(InstanceFolder.clusterDraftName),
                place.appending(InstanceFolder.nodesName),
            ]
            let wasMade = try traces.contains { try $0.isPresent }
            return wasMade ? .unknown("“\(program)” is not on PATH") : .absent
        }
    }

    /// Returns all clusters on this docker engine, including those of others.
    ///
    /// - Throws: `Failure(.unreachable)` when they cannot be determined.
    func clusters() async throws -> [K3dCluster] {
        let result = try await run(["cluster", "list", "-o", "json"], limit: Self.question)
        guard result.succeeded, !result.isCut else {
            throw Failure(
                .unreachable, "k3d cannot list its clusters", cause: result.firstComplaint,
                remedy: "docker info")
        }
        guard let clusters = K3dCluster.list(from: result.output) else {
            throw Failure(
                .unreachable, "k3d cannot list its clusters",
                cause: "“k3d cluster list -o json” printed no JSON: \(result.outputText.prefix(200))",
                remedy: "k3d version")
        }
        return clusters
    }

    /// - Parameters:
    ///   - limit: The limit for the whole. k3d itself is killed then, and leaves everything that it made so far.
    func create(_ request: K3dCreate, limit: Duration) async throws -> ProcessResult {
        // k3d has no flag for it, and a child of ours gets no K3D_* variable from its user.
        let switches = request.sharesMounts ? ["K3D_FIX_MOUNTS=1"] : []
        // In an argument everybody could read it.
        let secrets = request.token.map { ["K3D_TOKEN": $0] } ?? [:]
        return try await run(request.arguments, limit: limit, switches, secrets: secrets)
    }

    func start(_ cluster: String, phase: Duration, limit: Duration) async throws -> ProcessResult {
        try await run(
            ["cluster", "start", cluster, "--wait", "--timeout", "\(phase.components.seconds)s"], limit: limit
        )
    }

    func stop(_ cluster: String, limit: Duration) async throws -> ProcessResult {
        try await run(["cluster", "stop", cluster], limit: limit)
    }

    /// Deletes a cluster. Exit 0 means nothing: list afterwards.
    func delete(_ cluster: String, limit: Duration) async throws -> ProcessResult {
        try await run(["cluster", "delete", cluster], limit: limit)
    }

    /// Returns the cluster's kubeconfig, with an address that can be connected to; nil while the cluster has none yet.
    func kubeconfig(of cluster: String) async throws -> [UInt8]? {
        let result = try await run(["kubeconfig", "get", cluster], limit: Self.question)
        // Before the file exists it prints "---" and exits 1.
        guard result.succeeded, result.outputText.contains("server:") else { return nil }
        let text = result.outputText.split(separator: "\n", omittingEmptySubsequences: false)
            .map { line in
                // A cluster that was made without an address for its API binds to 0.0.0.0, which is no address to
                // connect to.
                guard let range = line.firstRange(of: "https://0.0.0.0:") else { return String(line) }
                return String(line.replacingCharacters(range, "https://127.0.0.1:"))
            }
            .joined(separator: "\n")
        return Array(text.utf8)
    }

    /// "k3d": "v5.9.0", "k3s": …; works with docker down.
    func version() async throws -> [String: String] {
        let result = try await run(["version", "-o", "json"], limit: Self.question)
        return try JSONFile.decode([String: String].self, from: result.output, at: ownKubeconfig)
    }

    private func run(
        _ arguments: [String], limit: Duration, _ switches: [String] = [], secrets: [String: Secret] = [:]
    ) async throws -> ProcessResult {
        var call =
            switches.isEmpty
            ? ProcessCall("k3d", arguments) : ProcessCall("env", switches + ["k3d"] + arguments)
        call.limit = limit
        call.environment = environment
        call.secrets = secrets
        return try await machine.processes.run(call)
    }

    /// The environment of k3d. Log lines would precede the JSON, in colour, and any K3D_* variable is a flag.
    private var environment: [String: String?] {
        var changes: [String: String?] = [
            "LOG_LEVEL": "warn", "LOG_COLORS": "0", "KUBECONFIG": ownKubeconfig.string,
        ]
        for name in machine.environment.keys where name.hasPrefix("K3D_") {
            changes.updateValue(nil, forKey: name)
        }
        return changes
    }
}

extension K3d.Existence {
    fileprivate init(_ cluster: K3dCluster?) {
        self = cluster.map { .present($0) } ?? .absent
    }
}

extension Substring {
    fileprivate func replacingCharacters(_ range: Range<Index>, _ text: String) -> String {
        String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
    }
}

extension ProcessResult {
    /// The first complaint of k3d, kubectl or docker, in its own words.
    var firstComplaint: String {
        if end == .timedOut { return "no answer within \(duration.components.seconds) s" }
        let lines = errorText.split(separator: "\n").map { K3dLog.message(of: String($0)) }
            .filter { !$0.isEmpty }
        // k3d's last line is about the rollback; the first error has the reason.
        let said = lines.first { !$0.hasPrefix("Failed to create cluster") } ?? lines.last
        return said ?? "it ended with \(end)"
    }
}

enum K3dLog {
    /// `time="…" level=fatal msg="…"` (LOG_COLORS=0) to the message; other lines as they are.
    static func message(of line: String) -> String {
        guard let range = line.firstRange(of: " msg=") else { return line }
        let text = line[range.upperBound...]
        guard text.hasPrefix("\""), text.hasSuffix("\""), text.utf8.count >= 2 else {
            return String(text.prefix { $0 != " " })
        }
        var message = ""
        var isEscaped = false
        for character in text.dropFirst().dropLast() {
            if isEscaped {
                message.append(character == "n" ? "\n" : character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else {
                message.append(character)
            }
        }
        return message
    }
}
