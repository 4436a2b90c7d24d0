// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Glibc
import Kecs
import KecsSystem
import Synchronization
import SystemPackage

/// The docker command, one call each. A missing thing is nil. An engine that does not answer is a `Failure` with the
/// reason, so that it is never taken for a missing thing.
struct Docker: Sendable {
    let processes: any ProcessRunner
    let environment: [String: String]

    init(_ machine: Machine) {
        processes = machine.processes
        environment = machine.environment
    }

    // MARK: Containers

    /// The facts about a container, a network or a volume that show its owner.
    struct Listed: Hashable, Sendable {
        /// The id; a volume has none but its name.
        var id: String
        var name: String
        /// The container's own labels among those in `Docker.labels`.
        var labels: [String: String]

        /// The instance's name; empty without the label.
        var instance: String { labels[DockerLabel.instance] ?? "" }
        var instanceID: String { labels[DockerLabel.id] ?? "" }
        var helper: String { labels[DockerLabel.helper] ?? "" }
    }

    /// The labels that every list asks for. docker prints all labels of a thing only as one text in which a comma may
    /// be part of a value.
    private static let labels = [
        DockerLabel.instance, DockerLabel.id, DockerLabel.helper, K3dCreate.ownerLabel, K3dLabel.app,
        K3dLabel.cluster,
    ]

    /// Returns all containers of the engine, running or not.
    func containers() async throws -> [Listed] {
        try await list(["container", "ls", "--all", "--no-trunc"], id: "{{.ID}}", name: "{{.Names}}")
    }

    func networks() async throws -> [Listed] {
        try await list(["network", "ls", "--no-trunc"], id: "{{.ID}}", name: "{{.Name}}")
    }

    func volumes() async throws -> [Listed] {
        try await list(["volume", "ls"], id: "{{.Name}}", name: "{{.Name}}")
    }

    private func list(_ command: [String], id: String, name: String) async throws -> [Listed] {
        let columns = [id, name] + Self.labels.map { "{{.Label \"\($0)\"}}" }
        let result = try await ask(command + ["--format", columns.joined(separator: "\t")])
        guard !result.isCut else { throw unreadable(command[0], "it is too long") }
        return try result.outputText.split(separator: "\n").map { line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == columns.count else {
                throw unreadable("\(command[0]) ls", String(line.prefix(200)))
            }
            let labels = zip(Self.labels, fields.dropFirst(2)).filter { !$0.1.isEmpty }
            return Listed(
                id: fields[0], name: fields[1], labels: Dictionary(labels) { first, _ in first })
        }
    }

    /// Returns the ids of the containers with a label: `KEY=VALUE`.
    func containers(label: String) async throws -> [String] {
        try await ask(["container", "ls", "--all", "--quiet", "--no-trunc", "--filter", "label=\(label)"])
            .outputText.split(separator: "\n").map(String.init)
    }

    /// Returns the containers that still exist.
    func inspect(_ ids: [String]) async throws -> [DockerContainer] {
        guard !ids.isEmpty else { return [] }
        return try await inspect(DockerContainer.self, ["container", "inspect"] + ids)
    }

    func container(_ id: String) async throws -> DockerContainer? { try await inspect([id]).first }

    func create(_ arguments: [String]) async throws -> String {
        let result = try await ask(["container", "create"] + arguments)
        return result.outputText.split(separator: "\n").last.map(String.init) ?? ""
    }

    func start(_ id: String) async throws { try await ask(["container", "start", id], limit: .seconds(120)) }

    /// Sends SIGTERM, and SIGKILL after `grace`. Returns when the container has ended; does nothing to one that has.
    func stop(_ id: String, grace: Duration) async throws {
        let seconds = max(1, grace.components.seconds)
        try await ask(["container", "stop", "--time", "\(seconds)", id], limit: grace + .seconds(60))
    }

    /// Stops it as its owner does: with its own signal and its own time limit.
    func stop(_ container: DockerContainer) async throws {
        // Docker waits 10 s by default, and without end at -1.
        let grace = container.stopTimeout ?? 10
        try await ask(
            ["container", "stop", container.id],
            limit: grace < 0 ? .seconds(3600) : .seconds(grace + 60))
    }

    func pause(_ id: String) async throws { try await ask(["container", "pause", id]) }
    func unpause(_ id: String) async throws { try await ask(["container", "unpause", id]) }
    func rename(_ id: String, to name: String) async throws {
        try await ask(["container", "rename", id, name])
    }

    /// Removes only the container: its volumes, anonymous ones too, stay.
    func remove(_ id: String) async throws { try await ask(["container", "rm", "--force", id]) }

    /// Removes a container of ours that holds nothing, with the volumes that docker made for it because its image has a
    /// `VOLUME`. A volume that was mounted by its name stays, an anonymous one too (moby, `daemon/mounts.go`,
    /// removeMountPoints).
    func removeWithVolumes(_ id: String) async throws {
        try await ask(["container", "rm", "--force", "--volumes", id])
    }

    /// Returns the container as docker prints it, for facts that are read only once; nil when it does not exist.
    func facts(ofContainer id: String) async throws -> JSONValue? {
        try await inspect(JSONValue.self, ["container", "inspect", id]).first
    }

    /// Returns the labels; nil when the network does not exist.
    func labels(ofNetwork name: String) async throws -> [String: String]? {
        struct Network: Decodable {
            var labels: [String: String]?
            private enum CodingKeys: String, CodingKey { case labels = "Labels" }
        }
        return try await inspect(Network.self, ["network", "inspect", name]).first.map { $0.labels ?? [:] }
    }

    func facts(ofImage reference: String) async throws -> JSONValue? {
        try await inspect(JSONValue.self, ["image", "inspect", reference]).first
    }

    /// - Returns: The program's output, or nil when it could not be run in there or failed.
    func execute(_ arguments: [String], in id: String) async throws -> String? {
        let result = try await run(["container", "exec", id] + arguments, limit: .seconds(10))
        guard result.succeeded else {
            try await checkAnswers(after: result)
            return nil
        }
        return result.outputText
    }

    /// Hands over the container's log, its two streams apart. docker's own complaints come with the errors.
    func log(_ id: String, _ request: LogRequest, to sink: LogSink) async throws {
        var call = ProcessCall("docker", ["container", "logs"] + request.words + [id])
        call.limit = request.limit
        let last = LastBytes()
        let result = try await stream(call, output: sink.output) { bytes in
            last.add(bytes)
            try sink.errors(bytes)
        }
        guard !result.succeeded else { return }
        try await checkAnswers(after: result)
        throw Failure(
            .failed, "the log of the container \(id.prefix(12)) cannot be read",
            cause: last.lastLine ?? result.complaint,
            remedy: "docker container inspect --format {{.HostConfig.LogConfig.Type}} \(id.prefix(12))")
    }

    /// The database file as a process in the container sees it.
    ///
    /// - Parameter path: Inside.
    func file(_ path: String, in container: DockerContainer) async throws -> ServerView {
        // The line about the folder above everything shows whether the program can be run at all.
        let facts = try await run(
            ["container", "exec", container.id, "stat", "-c", "%i %s", "/", path], limit: .seconds(10))
        if !facts.succeeded { try await checkAnswers(after: facts) }
        let lines = facts.outputText.split(separator: "\n")
            .map { $0.split(separator: " ").compactMap { UInt64($0) } }
        if lines.first?.count == 2 {
            guard lines.count == 2, lines[1].count == 2 else { return .nothing(path) }
            let head = try await run(
                ["container", "exec", container.id, "head", "-c", "64", path], limit: .seconds(10))
            return .database(
                SeenDatabase(
                    path: path, size: Int64(clamping: lines[1][1]), inode: lines[1][0],
                    head: head.succeeded ? head.output : []))
        }
        // For an image without such programs: root on the same machine sees it anyway.
        guard container.state.pid > 0, Machine.userID == 0, try await isOnThisMachine() else {
            return .unknown(
                "the container “\(container.name)” has no “stat” to ask, and only root on the engine's machine sees through"
            )
        }
        let seen = try SeenDatabase(
            of: FilePath("/proc/\(container.state.pid)/root").appending(FilePath(path).components),
            named: path)
        return seen.map { .database($0) } ?? .nothing(path)
    }

    /// Returns the last lines that the container wrote, for an error's cause.
    func lastWords(_ id: String, lines: Int = 5) async throws -> String {
        let result = try await ask(["container", "logs", "--tail", "\(lines)", id])
        let words = (result.outputText + result.errorText).split(separator: "\n").suffix(lines)
        return words.isEmpty ? "it wrote nothing" : "its last words: " + words.joined(separator: " | ")
    }

    // MARK: The engine

    /// Returns the versions of server and client, or throws a `Failure`.
    func version() async throws -> String {
        try await ask(["version", "--format", "{{.Server.Version}}"]).outputText.trimmed
    }

    /// Returns true when the engine ended a container at its own start. Versions before 23.0 do so with containers that
    /// outlived the engine, and count them as stopped by a person, so that `--restart unless-stopped` does not bring
    /// them back (moby, `daemon/daemon.go`, restore; seen with 20.10).
    func endedAtItsStart(_ container: DockerContainer) async throws -> Bool {
        guard container.state.status == "exited",
            ["always", "unless-stopped"].contains(container.restartPolicy),
            let end = container.state.finishedAt
        else { return false }
        // Every engine recreates the default bridge at its start, before it listens.
        struct Network: Decodable {
            var created: String
            private enum CodingKeys: String, CodingKey { case created = "Created" }
        }
        let bridge = try await inspect(Network.self, ["network", "inspect", "bridge"]).first
        guard let ready = bridge.flatMap({ Moment($0.created) }), end < ready,
            ready.since(end) < .seconds(300)
        else { return false }
        // An engine knows the events of its own life only. If it reports an end from before it listened, it ended the
        // container itself.
        let events = try await ask([
            "events", "--since", "\(end.seconds - 1)", "--until", "\(ready.seconds + 1)", "--filter",
            "container=\(container.id)", "--filter", "event=die", "--format", "{{.TimeNano}}",
        ])
        return events.outputText.split(separator: "\n").contains { line in
            guard let time = Int64(line) else { return false }
            let moment = Moment(
                seconds: time / 1_000_000_000, nanoseconds: Int32(time % 1_000_000_000))
            return moment < ready
        }
    }

    /// Returns the folder in which the engine keeps its volumes, on its machine.
    func rootFolder() async throws -> FilePath {
        FilePath(try await info("{{.DockerRootDir}}"))
    }

    func info(_ format: String) async throws -> String {
        try await ask(["info", "--format", format]).outputText.trimmed
    }

    /// A tar of one small file, links followed; nil when the container has none.
    func copyOutSmall(_ path: String, of id: String) async throws -> [UInt8]? {
        let result = try await run(
            ["container", "cp", "--follow-link", "\(id):\(path)", "-"], limit: .seconds(30))
        return result.succeeded ? result.output : nil
    }

    /// Returns the address at which the engine listens: `unix:///var/run/docker.sock`. Asks no engine, so this works
    /// when it is down.
    func endpoint() async throws -> String {
        let result = try await run(
            ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], limit: .seconds(10))
        let text = result.outputText.trimmed
        return result.succeeded && !text.isEmpty
            ? text : environment["DOCKER_HOST"] ?? "unix:///var/run/docker.sock"
    }
}

/// The end of a forwarded stream, for an error's cause.
private final class LastBytes: Sendable {
    private let bytes = Mutex<[UInt8]>([])

    func add(_ more: [UInt8]) {
        bytes.withLock { $0 = Array(($0 + more).suffix(4096)) }
    }

    var lastLine: String? {
        bytes.withLock { String(decoding: $0, as: UTF8.self) }.trimmed.split(separator: "\n").last.map(
            String.init)
    }
}

extension ProcessResult {
    /// The program's own message about its failure.
    var complaint: String {
        let words = errorText.trimmed.isEmpty ? outputText.trimmed : errorText.trimmed
        let lines = words.split(separator: "\n").suffix(5).joined(separator: " | ")
        if !lines.isEmpty { return lines }
        return switch end {
        case .exited(let code): "it ended with the status \(code)"
        case .signaled(let signal): "it was ended by the signal \(signal)"
        case .timedOut: "it did not end in time"
        }
    }
}
