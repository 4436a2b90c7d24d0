// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// The definition of a compose project: everything that compose gets with each call, so that it sees the project as its
/// user does.
struct ComposeFiles: Hashable, Sendable {
    var files: [FilePath]
    /// The folder at which relative paths in the files start, and which has the `.env`.
    var folder: FilePath
    var profiles: [String] = []
    /// The files with variables other than `.env`.
    var environmentFiles: [FilePath] = []

    /// Files as the setting `composeFile` holds them: absolute, with colons or commas between.
    static func list(_ text: String) -> [FilePath] {
        let characters = Array(text)
        var files = [""]
        for (index, character) in characters.enumerated() {
            // A separator that no absolute path follows is part of a name.
            let next = index + 1 < characters.count ? characters[index + 1] : " "
            if character == ":" || character == ",", next == "/" {
                files.append("")
            } else {
                files[files.count - 1].append(character)
            }
        }
        return files.filter { !$0.isEmpty }.map { FilePath($0) }
    }

    static func text(_ files: [FilePath]) -> String { files.map(\.string).joined(separator: ":") }

    static func names(_ text: String) -> [String] {
        text.split(separator: ",").map { String($0).trimmed }.filter { !$0.isEmpty }
    }

    /// Creates the files with compose's own default folder: that of the first file.
    init(files: [FilePath], profiles: [String] = []) {
        self.files = files
        folder = files.first?.removingLastComponent() ?? "/"
        self.profiles = profiles
    }

    /// Creates the definition that the containers were made from, as compose wrote it on them; nil when it did not.
    init?(_ containers: [DockerContainer]) {
        guard
            let labels = containers.lazy.map(\.labels).first(where: {
                $0[ComposeLabel.files]?.isEmpty == false && $0[ComposeLabel.folder]?.hasPrefix("/") == true
            }), let folder = labels[ComposeLabel.folder].map({ FilePath($0) })
        else { return nil }
        func paths(_ key: String) -> [FilePath] {
            Self.names(labels[key] ?? "").map { folder.pushing(FilePath($0)).lexicallyNormalized() }
        }
        files = paths(ComposeLabel.files)
        // A file from standard input is gone.
        guard !files.contains(where: { $0.lastComponent == "-" }) else { return nil }
        self.folder = folder
        environmentFiles = paths(ComposeLabel.environmentFiles)
    }

    /// Returns true when all of these are among them, under this path or another one of the same file.
    func holds(_ others: [FilePath]) throws -> Bool {
        try others.allSatisfy { other in try files.contains { try $0 == other || $0.isSameFolder(as: other) }
        }
    }

    // MARK: Compose's own rules

    /// The names that compose looks for, the best first (compose-spec, "The Compose file"; `DefaultFileNames` of
    /// compose-go).
    private static let names = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"]
    private static let overrides = [
        "compose.override.yml", "compose.override.yaml", "docker-compose.override.yml",
        "docker-compose.override.yaml",
    ]

    /// Creates the definition that compose would use when it is called here without `-f`: `COMPOSE_FILE`, else a file
    /// of the usual names in this folder or the nearest one above, with its override file.
    init?(in here: FilePath, environment: [String: String]) throws {
        let dotenv = try Self.variables(in: here.appending(".env"))
        func variable(_ name: String) -> String? {
            (environment[name] ?? dotenv[name]).flatMap { $0.isEmpty ? nil : $0 }
        }
        profiles = Self.names(variable("COMPOSE_PROFILES") ?? "")
        environmentFiles = []
        if let text = variable("COMPOSE_FILE") {
            let separator = variable("COMPOSE_PATH_SEPARATOR")?.first ?? ":"
            files = text.split(separator: separator).map {
                here.pushing(FilePath(String($0))).lexicallyNormalized()
            }
            guard let first = files.first else { return nil }
            folder = first.removingLastComponent()
            return
        }
        var folder = here
        while true {
            if let name = try Self.names.first(where: { try folder.appending($0).isPresent }) {
                files = [folder.appending(name)]
                if let override = try Self.overrides.first(where: { try folder.appending($0).isPresent }) {
                    files.append(folder.appending(override))
                }
                self.folder = folder
                return
            }
            guard folder.components.count > 0 else { return nil }
            folder.removeLastComponent()
        }
    }

    /// Returns the variables of a `.env` file; empty when there is none.
    static func variables(in file: FilePath) throws -> [String: String] {
        guard try file.isPresent else { return [:] }
        var variables: [String: String] = [:]
        for line in String(decoding: try file.contents(), as: UTF8.self).split(whereSeparator: \.isNewline) {
            var text = String(line).trimmed
            if text.hasPrefix("#") { continue }
            if text.hasPrefix("export ") { text = String(text.dropFirst(7)).trimmed }
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                .map { String($0).trimmed }
            guard parts.count == 2 else { continue }
            variables[parts[0]] = parts[1].filter { $0 != "\"" && $0 != "'" }
        }
        return variables
    }

    /// The project's name as a variable of the environment, or of `.env`, gives it.
    func projectVariable(environment: [String: String]) throws -> String? {
        let name = "COMPOSE_PROJECT_NAME"
        if let text = environment[name], !text.isEmpty { return text }
        return try Self.variables(in: folder.appending(".env"))[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// What compose calls a project that is given no name (compose-spec, "Project name"; v1 drops what v2 drops).
    var folderName: String {
        let name = (folder.lastComponent?.string ?? "").lowercased()
            .filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
        return name.isEmpty ? "default" : name
    }

    /// For a person who is to call compose by hand.
    func words(project: String?) -> [String] {
        files.flatMap { ["-f", $0.string] } + (project.map { ["-p", $0] } ?? [])
            + profiles.flatMap { ["--profile", $0] }
    }
}
