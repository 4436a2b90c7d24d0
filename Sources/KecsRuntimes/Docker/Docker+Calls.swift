// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Glibc
import Kecs
import KecsSystem
import Synchronization
import SystemPackage

/// The calls of the docker program, and what their failures mean.
extension Docker {
    /// Short calls come to their end even while the command is interrupted: whoever was paused must be resumed.
    func run(_ arguments: [String], limit: Duration) async throws -> ProcessResult {
        var call = ProcessCall("docker", arguments)
        call.limit = limit
        call.outlivesCancellation = true
        return try await perform(call)
    }

    func perform(_ call: ProcessCall) async throws -> ProcessResult {
        do {
            return try await processes.run(call)
        } catch let error as ProcessError {
            throw missing(error)
        }
    }

    func stream(
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
    func ask(_ arguments: [String], limit: Duration = .seconds(30)) async throws -> ProcessResult {
        let result = try await run(arguments, limit: limit)
        try await check(result, arguments)
        return result
    }

    func check(_ result: ProcessResult, _ arguments: [String]) async throws {
        guard !result.succeeded else { return }
        try await checkAnswers(after: result)
        throw Failure(
            .failed, "docker \(arguments.prefix(2).joined(separator: " ")) failed", cause: result.complaint)
    }

    /// `inspect` prints what it found and says with its status that something is missing, for whatever reason: only an
    /// engine that answers makes it "not there".
    func inspect<Value: Decodable>(_ type: Value.Type, _ arguments: [String]) async throws -> [Value] {
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
    func checkAnswers(after failed: ProcessResult) async throws {
        if case .timedOut = failed.end {
            throw Failure(
                .unreachable, "the docker engine does not answer in time", cause: try await endpoint(),
                remedy: "docker version")
        }
        let version = try await run(["version", "--format", "{{.Server.Version}}"], limit: .seconds(10))
        if version.succeeded, !version.outputText.trimmed.isEmpty { return }
        throw DockerEndpoint(try await endpoint()).failure(version.complaint)
    }

    func missing(_ error: ProcessError) -> Failure {
        switch error {
        case .notFound:
            Failure(
                .unreachable, "docker is missing", cause: "there is no “docker” on PATH",
                remedy: "apt-get install docker.io")
        case .cannotStart(_, let why): Failure(.unreachable, "docker cannot be started", cause: why)
        }
    }

    func unreadable(_ call: String, _ why: String) -> Failure {
        Failure(.failed, "the answer of docker \(call) cannot be read", cause: why, remedy: "docker version")
    }
}
