// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage
import Testing

/// The built program, run as people and cron run it: as a child process with a home of its own.
struct Kecsctl: Sendable {
    let home: FilePath
    var environment: [String: String] = [:]
    /// Where it is called from; the tests' own folder when nil.
    var folder: FilePath?
    /// A home that is named must exist, or all but `start` and `restore` fail.
    var createsHome = true

    struct Answer: Sendable {
        var status: Int32
        var output: String
        var errors: String

        /// The first result of an operation's document, or the item of a list's.
        func first() throws -> JSONValue {
            let document = try JSONFile.decode(JSONValue.self, from: Array(output.utf8), at: "stdout")
            return try #require((document["results"] ?? document["items"])?.array?.first)
        }

        func items() throws -> [JSONValue] {
            let document = try JSONFile.decode(JSONValue.self, from: Array(output.utf8), at: "stdout")
            return (document["results"] ?? document["items"])?.array ?? []
        }
    }

    /// Beside the test runner in the build folder.
    static var program: FilePath {
        var folder = FilePath(platformString: CommandLine.unsafeArgv[0].unsafelyUnwrapped)
            .removingLastComponent()
        // The bundle is handed to a helper of the toolchain: then its own path is an argument.
        if access(folder.appending("kecsctl").string, F_OK) != 0,
            let bundle = CommandLine.arguments.first(where: { $0.hasSuffix(".xctest") })
        {
            folder = FilePath(bundle).removingLastComponent()
        }
        return folder.appending("kecsctl")
    }

    var variables: [String: String] {
        environment.merging([
            "HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "KECS_HOME": home.string,
        ]) {
            given, _ in given
        }
    }

    func callAsFunction(_ arguments: String..., limit: Duration = .seconds(600)) async throws -> Answer {
        try await run(arguments, limit: limit)
    }

    func run(_ arguments: [String], limit: Duration = .seconds(600)) async throws -> Answer {
        if createsHome { _ = home.withPlatformString { mkdir($0, 0o700) } }
        var call = ProcessCall(Self.program.string, arguments)
        call.limit = limit
        call.folder = folder
        return answer(
            try await SystemProcesses(environment: variables, cancellation: Cancellation()).run(call))
    }

    private func answer(_ result: ProcessResult) -> Answer {
        let status: Int32 =
            switch result.end {
            case .exited(let code): code
            case .signaled(let signal): 128 + signal
            case .timedOut: -1
            }
        return Answer(status: status, output: result.outputText, errors: result.errorText)
    }

    /// Starts it, kills it with SIGKILL after so long, and waits for its end.
    ///
    /// - Returns: Whether it was killed, and not finished before.
    func killed(after delay: Duration, _ arguments: [String]) async throws -> Bool {
        let pid = try spawn(arguments)
        // Not usleep: Swift's few threads are for all tests.
        try await Task.sleep(for: delay)
        kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        return status & 0x7F == SIGKILL
    }

    /// Runs it and kills it as it makes the system call `call` for the `number`th time in one thread: where that is, does not
    /// depend on how fast the machine is. False when it ended before.
    func killed(at call: String, number: Int, _ arguments: [String]) async throws -> Bool {
        let result = try await traced(injecting: "\(call):signal=KILL:when=\(number)", of: call, arguments)
        // strace ends as what it watched has ended.
        return result.end == .signaled(SIGKILL)
    }

    /// Runs it and lets the system call `call` fail with `error` (`ENOSPC`) the `number`th time in one thread.
    func failing(
        at call: String, number: Int, with error: String, _ arguments: [String]
    ) async throws -> Answer {
        answer(try await traced(injecting: "\(call):error=\(error):when=\(number)", of: call, arguments))
    }

    private func traced(
        injecting fault: String, of call: String, _ arguments: [String]
    ) async throws -> ProcessResult {
        var trace = ProcessCall(
            "/usr/bin/strace",
            [
                "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e", "inject=\(fault)",
                Self.program.string,
            ] + arguments)
        trace.limit = .seconds(3600)
        return try await SystemProcesses(environment: variables, cancellation: Cancellation()).run(trace)
    }

    /// Starts it with nowhere to print to, and does not wait for its end.
    func spawn(_ arguments: [String]) throws -> pid_t {
        var pid = pid_t()
        let words = [Self.program.string] + arguments
        var argv = words.map { strdup($0) } + [nil]
        var envp = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        // A job in the background of a script ignores SIGINT, and so would what it starts.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var defaults = sigset_t()
        sigemptyset(&defaults)
        sigaddset(&defaults, SIGINT)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        let code = posix_spawn(&pid, Self.program.string, &actions, &attributes, &argv, &envp)
        try #require(code == 0)
        return pid
    }
}
