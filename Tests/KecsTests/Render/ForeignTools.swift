// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage
import Testing

/// Other people's programs that judge what kecsctl writes.
enum ForeignTools {
    /// The top of the source tree.
    static let root = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent().removingLastComponent()

    static func run(
        _ program: String, _ arguments: [String], input: String? = nil
    ) async throws -> ProcessResult {
        var call = ProcessCall(program, arguments)
        if let input { call.input = .bytes(Array(input.utf8)) }
        // The first call of scripts/python installs packages.
        call.limit = .seconds(300)
        let environment = ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"]
        do {
            return try await SystemProcesses(environment: environment, cancellation: Cancellation()).run(call)
        } catch ProcessError.notFound {
            try Test.cancel("\(program) is not installed: scripts/setup does that")
        }
    }

    /// python3 with the packages of Tests/requirements.txt.
    static func python(_ arguments: String..., input: String? = nil) async throws -> ProcessResult {
        let result = try await run(root.appending("scripts/python").string, arguments, input: input)
        if result.end == .exited(77) { try Test.cancel("\(result.errorText)") }
        return result
    }
}
