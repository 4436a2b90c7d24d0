// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Kecs
import KecsSystem
import SystemPackage

/// docker compose, one call each: the plugin (v2) where docker has it, else `docker-compose` (v1).
struct Compose: Sendable {
    private let processes: any ProcessRunner
    let given: ComposeFiles
    /// Nil: only `config` is asked, which says the name.
    let project: String?

    init(_ machine: Machine, _ given: ComposeFiles, project: String?) {
        processes = machine.processes
        self.given = given
        self.project = project
    }

    /// Returns the project as compose understands it, with variables filled in, paths made absolute, and the services
    /// of all profiles. Asks no engine.
    func config() async throws -> ComposeProject {
        let isPlugin = try await hasPlugin()
        // v1 always prints them all, whatever its arguments.
        let result =
            try await isPlugin
            ? run(["config", "--format", "json"], isPlugin, .seconds(60), profiles: ["*"])
            : run(["config"], isPlugin, .seconds(60))
        guard result.succeeded else {
            throw Failure(
                .usage, "the compose file \(names) cannot be used", cause: result.complaint,
                remedy: "docker compose \(ShellWords.quote(given.words(project: project))) config")
        }
        do {
            let document =
                try isPlugin
                ? JSONDecoder().decode(JSONValue.self, from: Data(result.output))
                : ComposeYAML.parse(result.output)
            return ComposeProject(document, named: project ?? given.folderName)
        } catch {
            throw Failure(.failed, "the answer of docker compose config cannot be read", cause: "\(error)")
        }
    }

    private var names: String { given.files.map(\.string).joined(separator: ", ") }

    /// Creates missing containers, starts all. Volumes are kept.
    func up(_ flags: [String], limit: Duration) async throws {
        try await act(["up", "--detach"] + flags, "start", limit)
    }

    /// Creates missing containers, with their volumes, and starts nothing.
    func create(limit: Duration) async throws {
        try await act(["up", "--no-start", "--no-recreate"], "create the containers of", limit)
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
                .failed, "docker compose could not \(verb) the project “\(project ?? given.folderName)”",
                cause: result.complaint,
                remedy: "docker compose \(ShellWords.quote(given.words(project: project) + arguments))")
        }
    }

    func version() async throws -> String {
        let isPlugin = try await hasPlugin()
        var call =
            isPlugin ? ProcessCall("docker", "compose", "version") : ProcessCall("docker-compose", "version")
        call.arguments.append("--short")
        return try await perform(call).outputText.trimmed
    }

    func hasPlugin() async throws -> Bool {
        var call = ProcessCall("docker", "compose", "version", "--short")
        call.limit = .seconds(10)
        do {
            return try await perform(call).succeeded
        } catch let error as ProcessError {
            guard case .notFound = error else { throw error }
            return false
        }
    }

    private func run(
        _ arguments: [String], _ isPlugin: Bool, _ limit: Duration, profiles: [String]? = nil
    ) async throws -> ProcessResult {
        var words = given.files.flatMap { ["--file", $0.string] }
        words += given.environmentFiles.flatMap { ["--env-file", $0.string] }
        words += (profiles ?? given.profiles).flatMap { ["--profile", $0] }
        if let project { words += ["--project-name", project] }
        words += ["--project-directory", given.folder.string]
        var call =
            isPlugin
            ? ProcessCall("docker", ["compose"] + words + arguments)
            : ProcessCall("docker-compose", words + arguments)
        // The words already hold the values of these, from the time at which the instance was made.
        for name in ["COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME"] {
            call.environment[name] = .some(nil)
        }
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
}
