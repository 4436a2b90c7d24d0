// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Glibc
import Kecs
import KecsStorage
import KecsSystem
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

    /// Enough of a container to tell whose it is.
    struct Listed: Hashable, Sendable {
        var id: String
        var name: String
        /// `DockerLabel.instance` and `.id`; empty when it does not have them.
        var instance: String
        var instanceID: String
        var helper: String
    }

    /// All containers of the engine, whether they run or not.
    func containers() async throws -> [Listed] {
        let columns =
            ["{{.ID}}", "{{.Names}}"]
            + [DockerLabel.instance, DockerLabel.id, DockerLabel.helper].map {
                "{{.Label \"\($0)\"}}"
            }
        let result = try await ask(
            ["container", "ls", "--all", "--no-trunc", "--format", columns.joined(separator: "\t")])
        return try result.outputText.split(separator: "\n").map { line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == columns.count else { throw unreadable("container ls", String(line)) }
            return Listed(
                id: fields[0], name: fields[1], instance: fields[2], instanceID: fields[3], helper: fields[4])
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

    func pause(_ id: String) async throws { try await ask(["container", "pause", id]) }
    func unpause(_ id: String) async throws { try await ask(["container", "unpause", id]) }
    func rename(_ id: String, to name: String) async throws {
        try await ask(["container", "rename", id, name])
    }

    /// Only the container: its volumes, anonymous ones too, stay.
    func remove(_ id: String) async throws { try await ask(["container", "rm", "--force", id]) }

    /// - Returns: What the program printed, or nil when it could not be run in there or did not end well.
    func execute(_ arguments: [String], in id: String) async throws -> String? {
        let result = try await run(["container", "exec", id] + arguments, limit: .seconds(10))
        guard result.succeeded else {
            try await checkAnswers(after: result)
            return nil
        }
        return result.outputText
    }

    /// What the container wrote, both streams as one: docker keeps them apart, and their order would be lost. The shell's
    /// words are fixed, and docker's are its arguments.
    func log(
        _ id: String, _ request: LogRequest, output: @Sendable @escaping ([UInt8]) throws -> Void
    ) async throws {
        var words = ["container", "logs", "--tail", "\(request.tail)"]
        if let since = request.since { words += ["--since", "\(since.seconds)s"] }
        if request.follow { words.append("--follow") }
        var call = ProcessCall("sh", ["-c", "exec \"$@\" 2>&1", "sh", "docker"] + words + [id])
        // It lasts as long as the reader likes.
        call.limit = .seconds(request.follow ? 365 * 86_400 : 600)
        let result = try await processes.stream(call, output: output)
        if !result.succeeded { try await checkAnswers(after: result) }
    }

    /// The database file as a process in the container sees it; nil when there is none, or nobody can look.
    ///
    /// - Parameter path: Inside.
    func file(_ path: String, in container: DockerContainer) async throws -> SeenDatabase? {
        if let text = try await execute(["stat", "-c", "%i %s", path], in: container.id) {
            let numbers = text.trimmed.split(separator: " ").compactMap { UInt64($0) }
            guard numbers.count == 2 else { return nil }
            let head = try await run(
                ["container", "exec", container.id, "head", "-c", "64", path], limit: .seconds(10))
            return SeenDatabase(
                path: path, size: Int64(clamping: numbers[1]), inode: numbers[0],
                head: head.succeeded ? head.output : [])
        }
        // An image without such programs: root on the same machine sees it all the same.
        guard container.state.pid > 0, Machine.userID == 0, try await isOnThisKernel() else { return nil }
        return try SeenDatabase(
            of: FilePath("/proc/\(container.state.pid)/root").appending(FilePath(path).components),
            named: path)
    }

    /// The last lines that the container wrote, for an error's cause.
    func lastWords(_ id: String, lines: Int = 5) async throws -> String {
        let result = try await ask(["container", "logs", "--tail", "\(lines)", id])
        let words = (result.outputText + result.errorText).split(separator: "\n").suffix(lines)
        return words.isEmpty ? "it wrote nothing" : "its last words: " + words.joined(separator: " | ")
    }

    // MARK: Images

    /// The id of an image of this engine; never fetches one.
    func image(_ reference: String) async throws -> String? {
        struct Image: Decodable {
            var id: String
            private enum CodingKeys: String, CodingKey { case id = "Id" }
        }
        return try await inspect(Image.self, ["image", "inspect", reference]).first?.id
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

    func createVolume(_ name: String, arguments: [String]) async throws {
        try await ask(["volume", "create"] + arguments + [name])
    }

    func removeVolume(_ name: String) async throws { try await ask(["volume", "rm", name]) }

    /// A tar stream of a folder of a container, which need not run.
    func copyOut(
        _ path: String, of id: String, limit: Duration,
        to output: @Sendable @escaping ([UInt8]) throws -> Void
    ) async throws {
        var call = ProcessCall("docker", "container", "cp", "\(id):\(path)", "-")
        call.limit = limit
        let result: ProcessResult
        do {
            result = try await processes.stream(call, output: output)
        } catch let error as ProcessError {
            throw missing(error)
        }
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

    /// Whether the engine's containers run on the kernel that runs this process, so that its paths mean the same here.
    func isOnThisKernel() async throws -> Bool {
        var facts = utsname()
        guard uname(&facts) == 0 else { return false }
        let release = withUnsafeBytes(of: &facts.release) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return try await ask(["info", "--format", "{{.KernelVersion}}"]).outputText.trimmed == release
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
            throw unreadable(arguments.prefix(2).joined(separator: " "), "\(error)")
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
