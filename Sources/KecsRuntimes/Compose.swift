// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Kecs
import KecsStorage
import KecsSystem
import SystemPackage

/// docker compose, one call each: the plugin (v2) where docker has it, else `docker-compose` (v1).
struct Compose: Sendable {
    private let processes: any ProcessRunner
    private let file: FilePath
    private let project: String

    init(_ machine: Machine, file: FilePath, project: String) {
        processes = machine.processes
        self.file = file
        self.project = project
    }

    /// The project as compose understands it, with variables filled in and paths made absolute. Asks no engine.
    func config() async throws -> ComposeProject {
        let isPlugin = try await hasPlugin()
        let result = try await run(
            ["config"] + (isPlugin ? ["--format", "json"] : []), isPlugin, .seconds(60))
        guard result.succeeded else {
            throw Failure(
                .usage, "the compose file \(file) cannot be used", cause: result.complaint,
                remedy: "docker compose -f \(file) config")
        }
        do {
            let document =
                try isPlugin
                ? JSONDecoder().decode(JSONValue.self, from: Data(result.output))
                : ComposeYAML.parse(result.output)
            return ComposeProject(document, named: project)
        } catch {
            throw Failure(.failed, "the answer of docker compose config cannot be read", cause: "\(error)")
        }
    }

    /// Creates what is missing, recreates what has changed, starts all. Volumes are kept.
    func up(_ flags: [String] = [], limit: Duration) async throws {
        try await act(["up", "--detach"] + flags, "start", limit)
    }

    /// Stops and removes the containers and the project's networks. Never its volumes.
    func down(limit: Duration) async throws { try await act(["down"], "take down", limit) }

    private func act(_ arguments: [String], _ verb: String, _ limit: Duration) async throws {
        let result = try await run(arguments, try await hasPlugin(), limit)
        if case .timedOut = result.end {
            throw Failure(
                .timeout, "docker compose \(arguments[0]) did not end within \(limit)",
                cause: result.complaint)
        }
        guard result.succeeded else {
            throw Failure(
                .failed, "docker compose could not \(verb) the project “\(project)”",
                cause: result.complaint, remedy: "docker compose -f \(file) -p \(project) \(arguments[0])")
        }
    }

    func version() async throws -> String {
        let isPlugin = try await hasPlugin()
        var call =
            isPlugin ? ProcessCall("docker", "compose", "version") : ProcessCall("docker-compose", "version")
        call.arguments.append("--short")
        return try await perform(call).outputText.trimmed
    }

    private func hasPlugin() async throws -> Bool {
        var call = ProcessCall("docker", "compose", "version", "--short")
        call.limit = .seconds(10)
        do {
            return try await perform(call).succeeded
        } catch let error as ProcessError {
            guard case .notFound = error else { throw error }
            return false
        }
    }

    private func run(_ arguments: [String], _ isPlugin: Bool, _ limit: Duration) async throws -> ProcessResult
    {
        let words = [
            "--file", file.string, "--project-name", project, "--project-directory",
            file.removingLastComponent().string,
        ]
        var call =
            isPlugin
            ? ProcessCall("docker", ["compose"] + words + arguments)
            : ProcessCall("docker-compose", words + arguments)
        call.limit = limit
        do {
            return try await perform(call)
        } catch ProcessError.notFound {
            throw Failure(
                .unreachable, "docker compose is missing",
                cause: "docker has no plugin “compose”, and there is no “docker-compose” on PATH",
                remedy: "apt-get install docker-compose")
        }
    }

    private func perform(_ call: ProcessCall) async throws -> ProcessResult {
        var call = call
        call.outlivesCancellation = true
        return try await processes.run(call)
    }

    // MARK: The project's name

    /// What compose calls a project that is given no name (compose-spec, "Project name"; v1 drops what v2 drops).
    static func projectName(of file: FilePath, environment: [String: String]) throws -> String {
        if let name = environment["COMPOSE_PROJECT_NAME"], !name.isEmpty { return name }
        let folder = file.removingLastComponent()
        let dotenv = folder.appending(".env")
        if try dotenv.isPresent {
            for line in String(decoding: try dotenv.contents(), as: UTF8.self).split(
                whereSeparator: \.isNewline)
            {
                let parts = line.split(separator: "=", maxSplits: 1).map { String($0).trimmed }
                if parts.count == 2, parts[0] == "COMPOSE_PROJECT_NAME" {
                    return parts[1].filter { $0 != "\"" && $0 != "'" }
                }
            }
        }
        let name = (folder.lastComponent?.string ?? "").lowercased()
            .filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
        return name.isEmpty ? "default" : name
    }
}
