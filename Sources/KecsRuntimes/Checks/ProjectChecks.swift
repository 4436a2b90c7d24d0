// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsStorage
import KecsSystem
import SystemPackage

/// What a project's files say about images, secrets and databases.
enum ProjectChecks {
    static func all(_ project: ProjectFiles) -> [any Check] {
        [
            EngineCheck("dockerfile.db-in-image", .error, "no Dockerfile copies a database into its image") {
                _ in
                databasesInDockerfiles(project)
            },
            EngineCheck("git.env-tracked", .error, "no .env is tracked by git") { _ in
                try envInGit(project)
            },
            EngineCheck("git.db-tracked", .error, "no database is tracked by git") { _ in
                try databaseInGit(project)
            },
            EngineCheck("env.mode", .warning, ".env files can be read by their owner only") { _ in
                try project.folders.compactMap { folder in
                    let file = folder.appending(".env")
                    guard let status = try FileStatus.of(file), status.kind == .file, status.mode & 0o077 != 0
                    else {
                        return nil
                    }
                    return Finding(
                        .warning, "others can read \(file)", ["mode": .string(String(status.mode, radix: 8))],
                        remedy: ShellWords.quote(["chmod", "600", file.string]))
                }
            },
        ]
    }

    static func databasesInDockerfiles(_ project: ProjectFiles) -> [Finding] {
        project.files.filter { ($0.path.lastComponent?.string.lowercased() ?? "").contains("dockerfile") }
            .flatMap { file in
                Script(file).lines.filter { line in
                    guard let verb = line.words.first?.uppercased(), verb == "COPY" || verb == "ADD" else {
                        return false
                    }
                    // What another stage built is no database of the host's.
                    let sources = line.words.dropFirst().filter { !$0.hasPrefix("--") }.dropLast()
                    return sources.contains { source in
                        Script.isDatabase(source)
                            || [
                                "dev_assets", "./dev_assets", "dev_assets/", "./dev_assets/", "kecs-data",
                                "./kecs-data", "data/", "./data",
                            ]
                            .contains(source)
                    }
                }.map { line in
                    Finding(
                        .error,
                        "\(file.path), line \(line.number), copies a database into the image: each new image brings the old state back",
                        [
                            "file": .string("\(file.path)"), "line": .integer(Int64(line.number)),
                            "text": .string(line.text),
                        ],
                        remedy: "kecsctl render compose --help")
                }
            }
    }

    static func envInGit(_ project: ProjectFiles) throws -> [Finding] {
        try project.tracked.get().filter { path in
            let name = path.lastComponent?.string ?? ""
            return name == ".env"
                || (name.hasPrefix(".env.") && !name.hasSuffix(".example") && !name.hasSuffix(".sample")
                    && !name.hasSuffix(".template"))
        }.map { path in
            Finding(
                .error, "\(path) is tracked by git, with the secrets in it", ["path": .string(path.string)],
                remedy: ShellWords.quote([
                    "git", "-C", path.removingLastComponent().string, "rm", "--cached", path.string,
                ]))
        }
    }

    static func databaseInGit(_ project: ProjectFiles) throws -> [Finding] {
        try project.tracked.get().filter { Script.isDatabase($0.lastComponent?.string ?? "") }.map { path in
            Finding(
                .error,
                "\(path) is a database that is tracked by git: a checkout puts an old one in its place",
                ["path": .string(path.string)],
                remedy: ShellWords.quote([
                    "git", "-C", path.removingLastComponent().string, "rm", "--cached", path.string,
                ]))
        }
    }
}
