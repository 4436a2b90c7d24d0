// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage
import Testing

/// Child processes of the tests.
enum Shell {
    struct Answer {
        var status: Int32
        var output: String
        var errors: String
    }

    /// A program that must succeed.
    static func run(_ words: String...) async throws {
        let answer = try await answer(words)
        try #require(answer.status == 0, "\(words): \(answer.errors)")
    }

    /// The built program.
    static func kecsctl(_ home: FilePath, _ words: String...) async throws -> Answer {
        try await kecsctl(home, words)
    }

    static func kecsctl(_ home: FilePath, _ words: [String]) async throws -> Answer {
        try await answer([program.string] + words, ["KECS_HOME": home.string])
    }

    private static func answer(
        _ words: [String], _ environment: [String: String] = [:]
    ) async throws -> Answer {
        var call = ProcessCall(words[0], Array(words.dropFirst()))
        call.limit = .seconds(300)
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        let result = try await SystemProcesses(
            environment: environment.merging(["PATH": path, "HOME": "/root"]) { given, _ in given },
            cancellation: Cancellation()
        ).run(call)
        let status: Int32 =
            switch result.end {
            case .exited(let code): code
            case .signaled(let signal): 128 + signal
            case .timedOut: -1
            }
        return Answer(status: status, output: result.outputText, errors: result.errorText)
    }

    /// Beside the test runner in the build folder.
    static var program: FilePath {
        var folder = FilePath(CommandLine.arguments[0]).removingLastComponent()
        // The bundle is handed to a helper of the toolchain: then its own path is an argument.
        if access(folder.appending("kecsctl").string, F_OK) != 0,
            let bundle = CommandLine.arguments.first(where: { $0.hasSuffix(".xctest") })
        {
            folder = FilePath(bundle).removingLastComponent()
        }
        return folder.appending("kecsctl")
    }

    /// Runs the built program to its end.
    ///
    /// - Returns: Its status, and the most memory that it had, in bytes.
    static func measured(_ home: FilePath, _ words: String...) throws -> (status: Int32, peak: Int64) {
        var pid = pid_t()
        var argv = ([program.string] + words).map { strdup($0) } + [nil]
        let variables = ["KECS_HOME=\(home)", "HOME=/root", "PATH=/usr/bin:/bin"]
        var envp = variables.map { strdup($0) } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        let code = posix_spawn(&pid, program.string, nil, nil, &argv, &envp)
        try #require(code == 0)
        var status: Int32 = 0
        var usage = rusage()
        try #require(wait4(pid, &status, 0, &usage) == pid)
        return (status >> 8 & 0xff, Int64(usage.ru_maxrss) << 10)
    }
}
