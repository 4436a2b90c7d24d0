// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsDoctor
import KecsSystem
import SystemPackage

/// Checks a project's files for problems with images, secrets and databases.
enum ProjectChecks {
    static func all(_ project: ProjectFiles) -> [any Check] {
        [
            EngineCheck("dockerfile.db-in-image", .error, "no Dockerfile copies a database into its image") {
                look in
                try databasesInDockerfiles(project, look.cancellation)
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

    /// Checks every form of COPY and ADD against the build context that `.dockerignore` leaves: the Dockerfile's own
    /// folder, and the project's folders above it.
    static func databasesInDockerfiles(
        _ project: ProjectFiles, _ cancellation: Cancellation = Cancellation()
    ) throws -> [Finding] {
        let files = project.files.filter {
            ($0.path.lastComponent?.string.lowercased() ?? "").contains("dockerfile") && $0.path.isAbsolute
        }
        return try files.flatMap { file in
            let own = file.path.removingLastComponent()
            let folders = [own] + project.folders.filter { $0 != own && own.starts(with: $0) }
            let contexts = try folders.filter({ try $0.isFolder }).map {
                try BuildContext($0, dockerfile: file.path, cancellation: cancellation)
            }
            return try DockerfileDatabases(file: file, contexts: contexts).run().map { line, databases in
                Finding(
                    .error,
                    "\(file.path), line \(line.number), copies \(databases[0])"
                        + (databases.count > 1 ? " and \(databases.count - 1) more" : "")
                        + " into the image: each new image brings the old state back",
                    [
                        "file": .string("\(file.path)"), "line": .integer(Int64(line.number)),
                        "text": .string(line.text), "databases": .array(databases.map { .string($0) }),
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
