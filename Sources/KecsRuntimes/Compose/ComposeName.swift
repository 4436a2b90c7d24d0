// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import Synchronization
import SystemPackage

/// Which compose project an instance is. Decided once, at the first question: what runs under another name than the one
/// that is asked for would get a second server, and a second set of volumes, beside it.
final class ComposeName: Sendable {
    private let instance: Instance
    private let machine: Machine
    private let given: ComposeFiles
    private let docker: Docker
    private let recorded: String?
    private let found = Mutex<String?>(nil)

    init(_ instance: Instance, _ machine: Machine, _ given: ComposeFiles) throws {
        self.instance = instance
        self.machine = machine
        self.given = given
        docker = Docker(machine)
        recorded = try instance.settings.text(.composeProject)
    }

    /// As far as it is known without asking anybody.
    var known: String? { recorded ?? found.withLock { $0 } }

    /// The recorded one; else that of the containers made from these files, `COMPOSE_PROJECT_NAME`, the files' `name:`,
    /// the folder's name: the first that there is.
    ///
    /// - Throws: `Failure(.usage)` when containers of several projects were made from these files.
    func run() async throws -> String {
        if let known { return known }
        let name = try await look()
        found.withLock { $0 = name }
        return name
    }

    private func look() async throws -> String {
        let variable = try given.projectVariable(environment: machine.environment)
        let projects = try await projectsOfContainers()
        if let only = projects.first, projects.count == 1 { return only }
        if let variable, projects.isEmpty || projects.contains(variable) { return variable }
        guard projects.isEmpty else {
            throw Failure(
                .usage, "it is not clear which compose project “\(instance.name)” is",
                cause:
                    "containers of \(projects.map { "“\($0)”" }.joined(separator: " and ")) were made from "
                    + ComposeFiles.text(given.files),
                remedy:
                    "kecsctl start \(instance.name) --runtime compose --compose-file \(given.files.first ?? "FILE") --compose-project \(projects[0])"
            )
        }
        // Compose 1 knows no `name:`.
        let compose = Compose(machine, given, project: nil)
        guard try await compose.hasPlugin(), try given.files.allSatisfy({ try $0.isPresent }) else {
            return given.folderName
        }
        return try await compose.config().name
    }

    /// Sorted. Those made from these very files, and when there are none, from files of which the first one is the same.
    private func projectsOfContainers() async throws -> [String] {
        let all = try await docker.inspect(docker.containers(label: ComposeLabel.project))
            .filter { $0.labels[ComposeLabel.oneOff] != "True" }
        var exact: Set<String> = []
        var similar: Set<String> = []
        for container in all {
            guard let project = ComposeLabel.project(of: container.labels),
                let made = ComposeFiles([container]), let first = given.files.first
            else { continue }
            guard try made.holds([first]) else { continue }
            similar.insert(project)
            if try made.files.count == given.files.count && made.holds(given.files) { exact.insert(project) }
        }
        return (exact.isEmpty ? similar : exact).sorted()
    }
}
