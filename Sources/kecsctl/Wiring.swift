// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Where the real implementations are chosen.
enum ChildProcesses {
    /// Those that still run when the program is told a second time to stop.
    static func killAll() {}

    struct None: ProcessRunner {
        func run(_ call: ProcessCall) async throws -> ProcessResult {
            throw ProcessError.notFound(call.program)
        }
        func stream(
            _ call: ProcessCall, output: @Sendable @escaping ([UInt8]) throws -> Void
        ) async throws -> ProcessResult { throw ProcessError.notFound(call.program) }
    }

    static func runner() -> any ProcessRunner { None() }
}
