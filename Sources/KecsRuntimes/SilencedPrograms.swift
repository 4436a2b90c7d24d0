// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// A runner that does not start some programs because they would wait in vain: they fail at once, with the reason.
public struct SilencedPrograms: ProcessRunner {
    private let processes: any ProcessRunner
    private let programs: Set<String>
    private let why: String

    /// The programs that ask docker's engine.
    public static let docker: Set<String> = ["docker", "docker-compose", "k3d"]

    public init(
        _ processes: any ProcessRunner, _ programs: Set<String> = SilencedPrograms.docker, why: String
    ) {
        self.processes = processes
        self.programs = programs
        self.why = why
    }

    private var failure: ProcessResult { ProcessResult(end: .exited(1), errors: Array(why.utf8)) }

    public func run(_ call: ProcessCall) async throws -> ProcessResult {
        guard !programs.contains(call.program) else { return failure }
        return try await processes.run(call)
    }

    public func stream(
        _ call: ProcessCall, output: @Sendable @escaping ([UInt8]) throws -> Void,
        errors: (@Sendable ([UInt8]) throws -> Void)?
    ) async throws -> ProcessResult {
        guard !programs.contains(call.program) else { return failure }
        return try await processes.stream(call, output: output, errors: errors)
    }

    public func uncancelled() -> any ProcessRunner {
        SilencedPrograms(processes.uncancelled(), programs, why: why)
    }
}
