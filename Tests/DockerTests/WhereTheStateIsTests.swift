// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// One way to run a server and one place for its data.
struct StateCase: Hashable, Sendable, CustomTestStringConvertible {
    enum Way: String, CaseIterable, Sendable { case local, docker, compose }
    enum Place: String, CaseIterable, Sendable {
        case own = "own folder"
        case bind
        case named = "named volume"
        case anonymous = "anonymous volume"
        case several = "several databases"
        case duckDB = "DuckDB beside SQLite"
        case folder = "database folder"
    }
    var way: Way
    var place: Place
    var testDescription: String { "\(way.rawValue), \(place.rawValue)" }

    /// A local server has no volumes, and a project of compose no folder of ours.
    static let all: [StateCase] = Way.allCases.flatMap { way in
        Place.allCases.map { StateCase(way: way, place: $0) }.filter {
            switch ($0.way, $0.place) {
            case (.local, .named), (.local, .anonymous), (.compose, .own): false
            case (.compose, _): ComposeVersion.here.first != nil
            default: true
            }
        }
    }

    /// Each way once; all with KECSCTL_FAULTS=full, which takes a quarter of an hour; one that KECSCTL_STATE names.
    static let chosen: [StateCase] = {
        if let name = getenv("KECSCTL_STATE").map({ String(cString: $0) }) {
            return all.filter { $0.testDescription == name }
        }
        guard Rounds.count(ci: 0, full: 1) == 0 else { return all }
        let places: [Way: Place] = [.local: .duckDB, .docker: .named, .compose: .several]
        return all.filter { places[$0.way] == $0.place }
    }()
}

/// The server's data of one case, seen through the server where there is one.
struct StateWorld: Sendable {
    let state: StateCase
    let scene: DockerScene
    var folder: FilePath { scene.root.appending("state") }

    private var isBound: Bool { ![.named, .anonymous, .own].contains(state.place) || state.way == .local }
    private var inside: String {
        state.way == .local ? localData.string : state.place == .own ? "/data" : "/app/data"
    }
    private var localData: FilePath { state.place == .own ? scene.data : folder }
    var container: String { state.place == .own ? "kecs-dev" : "app" }
    private var database: String {
        "\(inside)/\(state.place == .own && state.way == .local ? "kecs.db" : "app.db")"
    }

    /// In the server's image, or here.
    private func shell(_ script: String, in container: String? = nil) async throws -> String {
        guard state.way != .local else { return try await Engine.run(ProcessCall("sh", "-c", script)) }
        return try await Engine.docker(
            "exec", "--user", "0:0", container ?? self.container, "sh", "-c", script)
    }

    func sql(_ text: String, of name: String? = nil) async throws -> String {
        try await shell(
            "sqlite3 -cmd '.timeout 5000' '\(name.map { "\(inside)/\($0)" } ?? database)' \"\(text)\"")
    }

    // MARK: Made and lost

    func make() async throws {
        if state.way != .local {
            try await Engine.buildApp(
                "guide-app:1", changes: state.place == .anonymous ? ["VOLUME /app/data"] : [])
        }
        try await up()
        var words = ["start", "dev", "--runtime", state.way.rawValue]
        switch (state.way, state.place) {
        case (.local, .own): break
        case (.local, _): words += ["--data-dir", folder.string]
        case (.docker, .own):
            words += ["--image", "guide-app:1", "--owner", "1001:1001", "--health-url", "none"] + scene.ports
        case (.docker, _): words += ["--container", "app"]
        case (.compose, _): words += ["--compose-file", scene.root.appending("compose.yml").string]
        }
        try await scene.must(words)
        try await ready()
    }

    /// As its owner brings it up, whatever is there; own containers are kecsctl's to make.
    ///
    /// - Parameter runs: False only makes a container that `start` needs: nothing has been written yet.
    func up(runs: Bool = true) async throws {
        if isBound {
            try folder.createFolder()
            try folder.setOwner((1001, 1001))
        }
        let mount: [String] =
            isBound
            ? ["-v", "\(folder):/app/data"] : state.place == .named ? ["-v", "app_data:/app/data"] : []
        switch (state.way, state.place) {
        case (.local, _):
            if runs, state.place != .own, try !FilePath(database).isPresent {
                _ = try await sql(
                    "PRAGMA journal_mode=WAL; CREATE TABLE projects (id INTEGER PRIMARY KEY, name TEXT)")
            }
        case (.docker, .own): break
        case (.docker, _):
            try await Engine.run(
                ProcessCall(
                    "docker",
                    (runs ? ["run", "-d"] : ["create"])
                        + ["--name", "app", "-e", "DATABASE_URL=sqlite:///app/data/app.db"] + mount
                        + ["guide-app:1"]))
        case (.compose, _):
            let volumes = mount.isEmpty ? "" : "    volumes: [\"\(mount[1])\"]\n"
            let text = """
                version: '3.8'
                services:
                  app:
                    image: guide-app:1
                    container_name: app
                    environment: ["DATABASE_URL=sqlite:///app/data/app.db"]
                \(volumes)\(state.place == .named ? "volumes:\n  app_data: {name: app_data}\n" : "")
                """
            let file = scene.root.appending("compose.yml")
            try file.replaceContents(Array(text.utf8))
            guard runs else { return }
            let version = try #require(ComposeVersion.here.first)
            try await Engine.run(version.call(["-f", file.string, "up", "--detach"], in: scene.root))
        }
        if runs, state.way != .docker || state.place != .own { try await ready() }
    }

    /// The server has made its database.
    func ready() async throws {
        if state.way == .local { return try await makeProjects() }
        try #require(
            try await SystemClock().wait(upTo: .seconds(60)) {
                try await Engine.run(
                    ProcessCall(
                        "docker", "exec", container, "sh", "-c",
                        "sqlite3 -cmd '.timeout 5000' \(database) 'SELECT count(*) FROM projects' 2>/dev/null || true"
                    )) != ""
            })
    }

    /// What a server of ours or of nobody does in `up`.
    func refill() async throws {
        switch (state.way, state.place) {
        case (.local, .own):
            _ = try await sql("CREATE TABLE projects (id INTEGER PRIMARY KEY, name TEXT)")
        case (.docker, .own):
            let file = scene.data.appending("kecs.db")
            let table = "CREATE TABLE projects (id INTEGER PRIMARY KEY, name TEXT)"
            try await Engine.run(ProcessCall("sqlite3", file.string, table))
            try file.setOwner((1001, 1001))
        default: break
        }
    }

    private func makeProjects() async throws {
        guard state.place == .own, try FilePath(database).isPresent else { return }
        _ = try await sql("CREATE TABLE IF NOT EXISTS projects (id INTEGER PRIMARY KEY, name TEXT)")
    }

    /// A row in the database, and a trace of it in what else this place has.
    func write(_ name: String) async throws {
        _ = try await sql("INSERT INTO projects (name) VALUES ('\(name)')")
        switch state.place {
        case .several:
            _ = try await sql(
                "CREATE TABLE IF NOT EXISTS projects (name TEXT); INSERT INTO projects VALUES ('\(name)')",
                of: "other.db")
        case .duckDB:
            _ = try await shell("printf '12345678DUCK%04000d%s' 0 \(name) >\(inside)/vectors.duckdb")
        case .folder:
            _ = try await shell(
                "mkdir -p \(inside)/pg/global; echo 15 >\(inside)/pg/PG_VERSION; printf %s \(name) >\(inside)/pg/global/pg_control"
            )
        default: break
        }
    }

    /// What the server sees: the rows, and the newest trace of the other databases.
    func seen() async throws -> [String] {
        var seen = try await sql("SELECT name FROM projects ORDER BY id").split(separator: "\n").map(
            String.init)
        switch state.place {
        case .several:
            let other = try await sql("SELECT name FROM projects ORDER BY rowid", of: "other.db")
            seen.append("other: \(other.split(separator: "\n").joined(separator: " "))")
        case .duckDB: seen.append(try await shell("tail -c 3 \(inside)/vectors.duckdb"))
        case .folder: seen.append(try await shell("cat \(inside)/pg/global/pg_control"))
        default: break
        }
        return seen
    }

    func expected(_ names: String...) -> [String] {
        switch state.place {
        case .several: names + ["other: \(names.joined(separator: " "))"]
        case .duckDB, .folder: names + [names.last ?? ""]
        default: names
        }
    }

    /// One of several databases or all that there is; the server, where there is one, is up again on what is left.
    func lose(all: Bool) async throws {
        if state.way != .local { try await Engine.docker("rm", "--force", "--volumes", container) }
        if state.place == .named {
            try await Engine.docker("volume", "rm", "app_data")
        } else if state.place != .anonymous {
            let data = state.place == .own ? scene.data : folder
            for name in try data.entries().map(\.string)
            where all || name.hasPrefix("app.db") || name.hasPrefix("kecs.db") {
                try data.appending(name).removeTree()
            }
        }
    }
}

extension OnDocker {
    /// Status 0 only when the server then sees the recorded rows; nothing good is ever pruned by something that is not.
    @Suite struct WhereTheStateIsTests {
        @Test(arguments: StateCase.chosen)
        func `status 0 means that the server sees the rows, and no good backup goes for one that is not`(
            state: StateCase
        ) async throws {
            try await DockerScene.with { scene in
                let world = StateWorld(state: state, scene: scene)
                try await world.make()
                // Backup, restore, undo.
                try await world.write("one")
                try await scene.must(["backup", "dev"])
                try await world.write("two")
                try await scene.must(["restore", "dev", "--from", "latest"])
                try await world.ready()
                #expect(try await world.seen() == world.expected("one"), "restore")
                try await scene.must(["undo", "dev"])
                try await world.ready()
                #expect(try await world.seen() == world.expected("one", "two"), "undo")
                let good = try #require(
                    try await scene.must(["backup", "dev", "-o", "json"]).first()["backup"]?["id"]?.string)

                for (what, all, isRefilled) in [
                    ("one part lost", false, false), ("all lost", true, false), ("refilled", true, true),
                ] {
                    try await world.lose(all: all)
                    // Whatever is backed up now is not what the instance is, also when the server made itself a new
                    // database where it found none.
                    try await world.up(runs: isRefilled)
                    if isRefilled { try await world.refill() }
                    for _ in 1...3 {
                        let answer = try await scene.kecsctl("backup", "dev", "--keep", "1")
                        #expect(answer.status != 0, "\(what): backup: \(answer.output)")
                    }
                    let list = try await scene.kecsctl("backups", "list", "dev", "-o", "json")
                    #expect(list.output.contains(good), "\(what): the good backup is gone")
                    // Start says 0 only with the rows.
                    let start = try await scene.kecsctl("start", "dev")
                    if start.status == 0 {
                        try await world.ready()
                        #expect(
                            try await world.seen() == world.expected("one", "two"),
                            "\(what): start said 0: \(start.output)")
                    } else {
                        #expect(!start.errors.isEmpty, "\(what)")
                    }
                    let restore = try await scene.kecsctl("restore", "dev", "--from", good)
                    #expect(restore.status == 0, "\(what): restore: \(restore.errors)")
                    let again = try await scene.kecsctl("start", "dev")
                    #expect(again.status == 0, "\(what): start after the restore: \(again.errors)")
                    try await world.ready()
                    #expect(try await world.seen() == world.expected("one", "two"), "\(what): restored")
                }

                // Rescue of what is whole costs nothing.
                let rescue = try await scene.kecsctl("db", "rescue", "dev", "--accept")
                if rescue.status == 0 {
                    try await world.ready()
                    #expect(
                        try await world.seen().prefix(2) == ["one", "two"], "rescue: \(rescue.output)")
                } else {
                    #expect(!rescue.errors.isEmpty)
                    #expect(try await world.seen().prefix(2) == ["one", "two"], "rescue: \(rescue.errors)")
                }
                // A file of somebody else's becomes what the server reads.
                let file = scene.root.appending("foreign.sqlite")
                let foreign =
                    "CREATE TABLE projects (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE ticks (id INTEGER PRIMARY KEY, at TEXT); INSERT INTO projects (name) VALUES ('foreign')"
                try await Engine.run(ProcessCall("sqlite3", file.string, foreign))
                let restore = try await scene.kecsctl("restore", "dev", "--from", file.string)
                if restore.status == 0 {
                    try await world.ready()
                    #expect(try await world.seen().first == "foreign", "restore --from: \(restore.output)")
                } else {
                    #expect(!restore.errors.isEmpty)
                    #expect(
                        try await world.seen().prefix(2) == ["one", "two"],
                        "restore --from: \(restore.errors)")
                }
            }
        }
    }
}
