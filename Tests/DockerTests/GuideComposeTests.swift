// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// A guide's project, built for real. The fixtures say what was left out.
struct GuideProject: Sendable {
    let here: ComposeScene
    /// The service's container.
    let container: String
    let database: String

    /// Each compose and each variant once; every pair with KECSCTL_FAULTS=full.
    static let versions: [ComposeVersion] = {
        let here = ComposeVersion.here
        guard let first = here.first, let last = here.last else { return [] }
        return Rounds.count(ci: 0, full: 1) == 0 ? [first, last] : here.flatMap { [$0, $0] }
    }()
    /// Whether the database is in a bound folder, for each of the versions.
    static let bounds: [Bool] = versions.indices.map { $0.isMultiple(of: 2) }

    static func text(_ name: String, port: Int) throws -> String {
        let file = FilePath(#filePath).removingLastComponent().removingLastComponent()
            .appending("Fixtures/guides").appending(name)
        let text = String(decoding: try file.contents(), as: UTF8.self)
        return text.split(separator: "@PORT@", omittingEmptySubsequences: false).joined(separator: "\(port)")
    }

    /// S2's: with a bound folder, or with option B's volume.
    static func pcg(
        _ version: ComposeVersion, isBound: Bool, _ body: (GuideProject) async throws -> Void
    ) async throws {
        try await ComposeScene.with(version, "") { here in
            try here.write(
                "docker-compose.yml",
                text(isBound ? "pcg-compose.yml" : "pcg-volume.yml", port: here.docker.api))
            try here.write(".env", "UID=1001\nGID=1001\nOPENAI_API_KEY=sk-test-0123456789\n")
            for name in ["dev_assets", "backups"] where isBound || name == "backups" {
                try here.folder.appending(name).createFolder()
                try here.folder.appending(name).setOwner((1001, 1001))
            }
            try await Engine.buildApp("guide-app:1")
            try await here.compose("up", "--detach")
            let project = GuideProject(
                here: here, container: "pcg-cc-mcp", database: "/app/dev_assets/db.sqlite")
            try await project.waitForTicks()
            try await here.docker.must([
                "start", "pcg", "--runtime", "compose", "--compose-file", here.file.string, "--service",
                "app",
            ])
            try await body(project)
        }
    }

    /// As the guides do it: `docker-compose exec app sqlite3 …`.
    @discardableResult
    func sql(_ text: String) async throws -> String {
        try await Engine.docker("exec", container, "sqlite3", "-cmd", ".timeout 5000", database, text)
    }

    func insert(_ name: String) async throws {
        try await sql("INSERT INTO projects (name) VALUES ('\(name)')")
    }

    /// What the server sees.
    func rows() async throws -> [String] {
        try await sql("SELECT name FROM projects ORDER BY id").split(separator: "\n").map(String.init)
    }

    func waitForTicks() async throws {
        try #require(
            try await SystemClock().wait(upTo: .seconds(60)) {
                try await Engine.run(
                    ProcessCall(
                        "docker", "exec", container, "sh", "-c",
                        "sqlite3 -cmd '.timeout 5000' \(database) 'SELECT count(*) > 1 FROM ticks' 2>/dev/null || true"
                    )) == "1\n"
            })
    }

    /// In the server's image, as the guides use alpine.
    func inImage(_ arguments: [String], _ command: String) async throws {
        try await Engine.run(
            ProcessCall(
                "docker",
                ["run", "--rm", "--user", "0:0"] + arguments + ["guide-app:1", "sh", "-c", command]))
    }
}

extension OnDocker {
    /// The guide “Docker Data Persistence & Database Consistency”, from the start to the disaster and back.
    @Suite struct GuideComposeTests {
        @Test(arguments: zip(GuideProject.versions, GuideProject.bounds))
        func `rows outlive restart, rebuild and teardown, as the guide tries them`(
            version: ComposeVersion, isBound: Bool
        ) async throws {
            try await GuideProject.pcg(version, isBound: isBound) { project in
                try await project.insert("Test Project")
                try await project.here.compose("restart", "app")
                #expect(try await project.rows() == ["Test Project"])
                try await Engine.buildApp("guide-app:1", version: "2")
                try await project.here.compose("up", "--detach", "app")
                #expect(try await Engine.docker("exec", "pcg-cc-mcp", "cat", "/etc/version") == "2\n")
                #expect(try await project.rows() == ["Test Project"])
                try await project.here.compose("down")
                try await project.here.compose("up", "--detach")
                #expect(try await project.rows() == ["Test Project"])
                let report = try await project.here.docker.must(["test", "persistence", "pcg", "-o", "json"])
                    .first()
                #expect(report["survived"] == ["restart", "rebuild", "down"], "\(report)")
                #expect(try await project.rows() == ["Test Project"])
            }
        }

        @Test(arguments: zip(GuideProject.versions, GuideProject.bounds))
        func `the database lost while it is written comes back, and so does what was lost later`(
            version: ComposeVersion, isBound: Bool
        ) async throws {
            try await GuideProject.pcg(version, isBound: isBound) { project in
                let scene = project.here.docker
                try await project.insert("before")
                try await project.inImage(["-v", "pcg_repos_data:/repos"], "echo main >/repos/HEAD")
                try await scene.must(["backup", "pcg"])
                try await project.insert("after")
                // Disaster: the file, or the volume, is gone.
                if isBound {
                    try await project.here.compose("stop", "app")
                    for name in ["db.sqlite", "db.sqlite-wal", "db.sqlite-shm"] {
                        let file = project.here.folder.appending("dev_assets").appending(name)
                        if try file.isPresent { try file.remove() }
                    }
                } else {
                    try await project.here.compose("down")
                    try await Engine.docker("volume", "rm", "pcg_dev_assets_data")
                }
                try await scene.must(["restore", "pcg", "--from", "latest"])
                try await scene.must(["start", "pcg"])
                #expect(try await project.rows() == ["before"])
                #expect(
                    try await Engine.docker("exec", "pcg-cc-mcp", "stat", "-c", "%u", project.database)
                        == "1001\n")
                try await project.waitForTicks()
                // The repositories' volume goes.
                try await project.here.compose("down")
                try await Engine.docker("volume", "rm", "pcg_repos_data")
                try await scene.must(["restore", "pcg", "--from", "latest"])
                try await scene.must(["start", "pcg"])
                #expect(try await Engine.docker("exec", "pcg-cc-mcp", "cat", "/repos/HEAD") == "main\n")
                #expect(try await project.rows() == ["before"])
            }
        }

        @Test(arguments: zip(GuideProject.versions, GuideProject.bounds))
        func `the guide's own sqlite files, dumps and archives are restored where the server reads`(
            version: ComposeVersion, isBound: Bool
        ) async throws {
            try await GuideProject.pcg(version, isBound: isBound) { project in
                let scene = project.here.docker
                let backups = project.here.folder.appending("backups")
                try await project.insert("in the file")
                // Manual backup commands, as the guide has them.
                try await project.here.compose(
                    "exec", "-T", "app", "sh", "-c",
                    "sqlite3 \(project.database) '.backup /backups/db_backup_20251119_120000.sqlite'")
                try await project.insert("in the dump")
                let dump = try await project.here.compose(
                    "exec", "-T", "app", "sh", "-c", "sqlite3 \(project.database) .dump")
                try backups.appending("full_backup_20251119.sql").replaceContents(Array(dump.utf8))
                try await project.inImage(["-v", "pcg_repos_data:/repos"], "echo main >/repos/HEAD")
                try await project.inImage(
                    ["-v", "pcg_repos_data:/source:ro", "-v", "\(backups):/backup"],
                    "tar czf /backup/repos_backup_20251119.tar.gz -C /source .")
                try await project.insert("only live")

                try await scene.must([
                    "restore", "pcg", "--from", backups.appending("db_backup_20251119_120000.sqlite").string,
                ])
                #expect(try await project.rows() == ["in the file"])
                try await project.waitForTicks()
                try await scene.must([
                    "restore", "pcg", "--from", backups.appending("full_backup_20251119.sql").string,
                ])
                #expect(try await project.rows() == ["in the file", "in the dump"])
                // What the restore replaced comes back.
                try await scene.must(["undo", "pcg"])
                #expect(try await project.rows() == ["in the file"])
                // An archive of the other volume does not touch the database.
                try await Engine.docker(
                    "exec", "--user", "0:0", "pcg-cc-mcp", "sh", "-c", "echo lost >/repos/HEAD")
                try await scene.must([
                    "restore", "pcg", "--part", "pcg_repos_data", "--from",
                    backups.appending("repos_backup_20251119.tar.gz").string,
                ])
                #expect(try await Engine.docker("exec", "pcg-cc-mcp", "cat", "/repos/HEAD") == "main\n")
                #expect(try await project.rows() == ["in the file"])
            }
        }

        @Test(arguments: ComposeVersion.here)
        func `the container removed and its image made anew, start brings it back as it was`(
            version: ComposeVersion
        ) async throws {
            try await GuideProject.pcg(version, isBound: true) { project in
                try await project.insert("kept")
                try await Engine.docker("rm", "--force", "pcg-cc-mcp")
                try await Engine.buildApp("guide-app:1", version: "2")
                try await project.here.docker.must(["start", "pcg"])
                #expect(try await project.rows() == ["kept"])
                #expect(try await Engine.docker("exec", "pcg-cc-mcp", "cat", "/etc/version") == "2\n")
                #expect(
                    try await Engine.docker("exec", "pcg-cc-mcp", "sh", "-c", "echo $OPENAI_API_KEY; id -u")
                        == "sk-test-0123456789\n1001\n")
            }
        }

        @Test(.enabled(if: ComposeVersion.two.isThere, "scripts/compose-v2 could not have compose 2"))
        func `what render prints makes the same service again`() async throws {
            try await GuideProject.pcg(.two, isBound: true) { project in
                try await project.insert("kept")
                let form = """
                    {{json .Config.Env}} {{json .Config.User}} {{json .Config.Cmd}} {{json .Config.Healthcheck}} \
                    {{json .HostConfig.PortBindings}} {{json .HostConfig.RestartPolicy}} {{.Config.Image}} \
                    {{range .Mounts}}{{.Type}} {{if eq .Type "bind"}}{{.Source}}{{else}}{{.Name}}{{end}} {{.Destination}} {{.RW}} {{end}}
                    """
                func facts() async throws -> [String] {
                    let text = try await Engine.docker("inspect", "--format", form, "pcg-cc-mcp")
                    // Neither variables nor mounts have an order.
                    return text.split { " \n,[]".contains($0) }.map(String.init).sorted()
                }
                let before = try await facts()
                let rendered = try await project.here.docker.must(["render", "compose", "pcg"]).output
                #expect(!rendered.contains("sk-test-0123456789"))
                try await project.here.compose("down")
                let elsewhere = project.here.docker.root.appending("elsewhere")
                try elsewhere.createFolder()
                func up(_ key: String?) async throws -> ProcessResult {
                    var call = ComposeVersion.two.call(["-f", "-", "up", "--detach"], in: elsewhere)
                    call.input = .bytes(Array(rendered.utf8))
                    call.environment["OPENAI_API_KEY"] = key
                    call.environment["DOCKER_HOST"] = Engine.host
                    return try await SystemProcesses(
                        environment: project.here.docker.kecsctl.variables, cancellation: Cancellation()
                    ).run(call)
                }
                let without = try await up(nil)
                #expect(
                    !without.succeeded && without.errorText.contains("set OPENAI_API_KEY"),
                    "\(without.errorText)")
                let result = try await up("sk-test-0123456789")
                try #require(result.succeeded, "\(result.errorText)\n\(rendered)")
                #expect(try await facts() == before, "\(rendered)")
                #expect(try await project.rows() == ["kept"])
                // It is the instance's again.
                #expect(try await project.here.docker.state(of: "pcg") == "running")
            }
        }
    }
}
