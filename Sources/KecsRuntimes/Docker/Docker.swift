// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Glibc
import Kecs
import KecsStorage
import KecsSystem
import Synchronization
import SystemPackage

/// The docker command, one call each. What is not there is nil; an engine that does not answer is a `Failure` that
/// says why, so that it is never taken for "not there".
struct Docker: Sendable {
    private let processes: any ProcessRunner
    private let environment: [String: String]

    init(_ machine: Machine) {
        processes = machine.processes
        environment = machine.environment
    }

    // MARK: Containers

    /// Enough of a container, a network or a volume to tell whose it is.
    struct Listed: Hashable, Sendable {
        /// A volume has none but its name.
        var id: String
        var name: String
        /// Of those in `Docker.labels` the ones that it has.
        var labels: [String: String]

        /// Empty when it does not have the label.
        var instance: String { labels[DockerLabel.instance] ?? "" }
        var instanceID: String { labels[DockerLabel.id] ?? "" }
        var helper: String { labels[DockerLabel.helper] ?? "" }
    }

    /// What is asked for of everything that is listed: docker prints all labels of a thing only as one text in which
    /// a comma may be part of a value.
    private static let labels = [
        DockerLabel.instance, DockerLabel.id, DockerLabel.helper, K3dCreate.ownerLabel, K3dLabel.app,
        K3dLabel.cluster,
    ]

    /// All containers of the engine, whether they run or not.
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

    /// Ids of those with a label: `KEY=VALUE`.
    func containers(label: String) async throws -> [String] {
        try await ask(["container", "ls", "--all", "--quiet", "--no-trunc", "--filter", "label=\(label)"])
            .outputText.split(separator: "\n").map(String.init)
    }

    /// Those of the containers that are still there.
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

    /// SIGTERM, and SIGKILL after `grace`. Returns when the container has ended; does nothing to one that has.
    func stop(_ id: String, grace: Duration) async throws {
        let seconds = max(1, grace.components.seconds)
        try await ask(["container", "stop", "--time", "\(seconds)", id], limit: grace + .seconds(60))
    }

    /// Stops it as its owner does: with its own signal, and its own patience.
    func stop(_ container: DockerContainer) async throws {
        // Docker waits 10 s where nothing is said, and without end at -1.
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

    /// Only the container: its volumes, anonymous ones too, stay.
    func remove(_ id: String) async throws { try await ask(["container", "rm", "--force", id]) }

    /// A container of ours that holds nothing: with the volumes that docker made for it because its image has a `VOLUME`.
    /// One that was mounted by its name stays, an anonymous one too (moby, `daemon/mounts.go`, removeMountPoints).
    func removeWithVolumes(_ id: String) async throws {
        try await ask(["container", "rm", "--force", "--volumes", id])
    }

    /// As docker prints it, for what is read only once; nil when it is not there.
    func facts(ofContainer id: String) async throws -> JSONValue? {
        try await inspect(JSONValue.self, ["container", "inspect", id]).first
    }

    /// Nil when it is not there.
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

    /// - Returns: What the program printed, or nil when it could not be run in there or did not end well.
    func execute(_ arguments: [String], in id: String) async throws -> String? {
        let result = try await run(["container", "exec", id] + arguments, limit: .seconds(10))
        guard result.succeeded else {
            try await checkAnswers(after: result)
            return nil
        }
        return result.outputText
    }

    /// What the container wrote, its two streams apart. What docker itself has to complain of comes with the errors.
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
        // Whether the program can be run at all, the line about the folder above everything tells.
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
        // An image without such programs: root on the same machine sees it all the same.
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

    /// The last lines that the container wrote, for an error's cause.
    func lastWords(_ id: String, lines: Int = 5) async throws -> String {
        let result = try await ask(["container", "logs", "--tail", "\(lines)", id])
        let words = (result.outputText + result.errorText).split(separator: "\n").suffix(lines)
        return words.isEmpty ? "it wrote nothing" : "its last words: " + words.joined(separator: " | ")
    }

    // MARK: Images

    /// The id of an image of this engine; never fetches one.
    func image(_ reference: String) async throws -> String? { try await imageFacts(reference)?.id }

    func imageFacts(_ reference: String) async throws -> DockerImage? {
        try await inspect(DockerImage.self, ["image", "inspect", reference]).first
    }

    /// Ids of all images here.
    func images() async throws -> [String] {
        try await ask(["image", "ls", "--quiet", "--no-trunc"]).outputText.split(separator: "\n").map(
            String.init)
    }

    /// Creates, runs and waits. False when the program ended badly or could not be run in there.
    func runToEnd(_ arguments: [String]) async throws -> Bool {
        let result = try await run(["container", "run"] + arguments, limit: .seconds(3600))
        if !result.succeeded { try await checkAnswers(after: result) }
        return result.succeeded
    }

    func pull(_ reference: String) async throws -> ProcessResult {
        var call = ProcessCall("docker", "image", "pull", "--quiet", reference)
        call.limit = .seconds(1800)
        return try await perform(call)
    }

    // MARK: Volumes

    func volume(_ name: String) async throws -> DockerVolume? {
        try await inspect(DockerVolume.self, ["volume", "inspect", name]).first
    }

    /// Those of the names that are there, asked at once.
    func volumes(named names: [String]) async throws -> [DockerVolume] {
        names.isEmpty ? [] : try await inspect(DockerVolume.self, ["volume", "inspect"] + names)
    }

    func createVolume(_ name: String, arguments: [String]) async throws {
        try await ask(["volume", "create"] + arguments + [name])
    }

    func removeVolume(_ name: String) async throws { try await ask(["volume", "rm", name]) }
    func removeNetwork(_ name: String) async throws { try await ask(["network", "rm", name]) }

    /// About how much a volume holds, rounded up; nil when docker cannot tell, as of one that is mounted only while it is
    /// used, or does not tell in time: it looks at every file of every volume.
    func size(ofVolume name: String) async throws -> ByteCount? {
        struct Volume: Decodable {
            var name: String
            var size: String
            private enum CodingKeys: String, CodingKey {
                case name = "Name"
                case size = "Size"
            }
        }
        let result = try await run(
            ["system", "df", "--verbose", "--format", "{{json .Volumes}}"], limit: .seconds(60))
        if case .timedOut = result.end { return nil }
        // The format cannot be chosen with the clients before 23.0.
        guard result.succeeded else {
            try await checkAnswers(after: result)
            return nil
        }
        guard let volumes = try? JSONDecoder().decode([Volume].self, from: Data(result.output)) else {
            throw unreadable("system df", String(result.outputText.prefix(200)))
        }
        return volumes.first { $0.name == name }.flatMap { Self.bytes($0.size) }
    }

    /// "0B", "4.592MB", "1.2kB" (docker/go-units, four digits, powers of 1000); nil for "N/A".
    static func bytes(_ text: String) -> ByteCount? {
        let digits = text.prefix { $0.isNumber || $0 == "." }
        let units: [Substring: Double] = ["B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15]
        guard let number = Double(digits), let unit = units[text[digits.endIndex...]] else { return nil }
        return ByteCount(Int64((number * unit * 1.001).rounded(.up)))
    }

    /// A tar stream of a folder of a container, which need not run.
    func copyOut(
        _ path: String, of id: String, limit: Duration,
        to output: @Sendable @escaping ([UInt8]) throws -> Void
    ) async throws {
        var call = ProcessCall("docker", "container", "cp", "\(id):\(path)", "-")
        call.limit = limit
        let result = try await stream(call, output: output)
        if case .timedOut = result.end {
            throw Failure(
                .timeout, "copying \(path) of a container did not end within \(limit)",
                remedy: "kecsctl backup --max-pause 1m")
        }
        try await check(result, call.arguments)
    }

    /// The other way round; what is there and not in the tar stays. Owners are the tar's: `--archive` would make all
    /// files the image's user's (moby, `daemon/archive_tarcopyoptions_unix.go`).
    func copyIn(_ tar: FilePath, to path: String, of id: String) async throws {
        var call = ProcessCall("docker", "container", "cp", "-", "\(id):\(path)")
        call.input = .file(tar)
        call.limit = .seconds(24 * 3600)
        try await check(try await perform(call), call.arguments)
    }

    // MARK: The engine

    /// Server and client, or a `Failure`.
    func version() async throws -> String {
        try await ask(["version", "--format", "{{.Server.Version}}"]).outputText.trimmed
    }

    /// Whether the engine ended a container when it was itself started: one before 23.0 does so with those that outlived
    /// it, and counts it as if a person had stopped them, so that `--restart unless-stopped` does not bring them back
    /// (moby, `daemon/daemon.go`, restore; seen with 20.10).
    func endedAtItsStart(_ container: DockerContainer) async throws -> Bool {
        guard container.state.status == "exited",
            ["always", "unless-stopped"].contains(container.restartPolicy),
            let end = container.state.finishedAt
        else { return false }
        // The default bridge is made anew by every engine, before it listens to anybody.
        struct Network: Decodable {
            var created: String
            private enum CodingKeys: String, CodingKey { case created = "Created" }
        }
        let bridge = try await inspect(Network.self, ["network", "inspect", "bridge"]).first
        guard let ready = bridge.flatMap({ Moment($0.created) }), end < ready,
            ready.since(end) < .seconds(300)
        else { return false }
        // An engine knows the events of its own life only: an end that it tells of, and that lies before it listened, was
        // its own doing.
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

    /// Where the engine keeps its volumes, on its machine.
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

    /// Where the engine listens: `unix:///var/run/docker.sock`. Nobody is asked, so this works when it is down.
    func endpoint() async throws -> String {
        let result = try await run(
            ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], limit: .seconds(10))
        let text = result.outputText.trimmed
        return result.succeeded && !text.isEmpty
            ? text : environment["DOCKER_HOST"] ?? "unix:///var/run/docker.sock"
    }

    // MARK: Calls

    /// Short calls come to their end even while the command is interrupted: whoever was paused must be resumed.
    private func run(_ arguments: [String], limit: Duration) async throws -> ProcessResult {
        var call = ProcessCall("docker", arguments)
        call.limit = limit
        call.outlivesCancellation = true
        return try await perform(call)
    }

    private func perform(_ call: ProcessCall) async throws -> ProcessResult {
        do {
            return try await processes.run(call)
        } catch let error as ProcessError {
            throw missing(error)
        }
    }

    private func stream(
        _ call: ProcessCall, output: @Sendable @escaping ([UInt8]) throws -> Void,
        errors: (@Sendable ([UInt8]) throws -> Void)? = nil
    ) async throws -> ProcessResult {
        do {
            return try await processes.stream(call, output: output, errors: errors)
        } catch let error as ProcessError {
            throw missing(error)
        }
    }

    @discardableResult
    private func ask(_ arguments: [String], limit: Duration = .seconds(30)) async throws -> ProcessResult {
        let result = try await run(arguments, limit: limit)
        try await check(result, arguments)
        return result
    }

    private func check(_ result: ProcessResult, _ arguments: [String]) async throws {
        guard !result.succeeded else { return }
        try await checkAnswers(after: result)
        throw Failure(
            .failed, "docker \(arguments.prefix(2).joined(separator: " ")) failed", cause: result.complaint)
    }

    /// `inspect` prints what it found and says with its status that something is missing, for whatever reason: only an
    /// engine that answers makes it "not there".
    private func inspect<Value: Decodable>(_ type: Value.Type, _ arguments: [String]) async throws -> [Value]
    {
        let result = try await run(arguments, limit: .seconds(30))
        if !result.succeeded { try await checkAnswers(after: result) }
        do {
            return try JSONDecoder().decode([Value].self, from: Data(result.output))
        } catch {
            let call = arguments.prefix(2).joined(separator: " ")
            guard result.succeeded else {
                throw Failure(.failed, "docker \(call) failed", cause: result.complaint)
            }
            throw unreadable(call, "\(error)")
        }
    }

    /// - Throws: When the engine does not answer; says which of the things between it and us is the cause.
    private func checkAnswers(after failed: ProcessResult) async throws {
        if case .timedOut = failed.end {
            throw Failure(
                .unreachable, "the docker engine does not answer in time", cause: try await endpoint(),
                remedy: "docker version")
        }
        let version = try await run(["version", "--format", "{{.Server.Version}}"], limit: .seconds(10))
        if version.succeeded, !version.outputText.trimmed.isEmpty { return }
        throw DockerEndpoint(try await endpoint()).failure(version.complaint)
    }

    private func missing(_ error: ProcessError) -> Failure {
        switch error {
        case .notFound:
            Failure(
                .unreachable, "docker is missing", cause: "there is no “docker” on PATH",
                remedy: "apt-get install docker.io")
        case .cannotStart(_, let why): Failure(.unreachable, "docker cannot be started", cause: why)
        }
    }

    private func unreadable(_ call: String, _ why: String) -> Failure {
        Failure(.failed, "the answer of docker \(call) cannot be read", cause: why, remedy: "docker version")
    }
}

/// The end of a stream that is handed on, for an error's cause.
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
    /// What a program said when it failed, in its own words.
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

extension String {
    /// Without white space at both ends.
    var trimmed: String {
        let start = drop(while: \.isWhitespace)
        return String(start.reversed().drop(while: \.isWhitespace).reversed())
    }
}
