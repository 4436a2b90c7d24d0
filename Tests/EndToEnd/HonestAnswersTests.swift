// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// What the program answers is so, in small things too.
@Suite struct HonestAnswersTests {
    private func withInstance(
        _ body: (FilePath, Kecsctl) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            let started = try await kecsctl("start", "dev", "--runtime", "local")
            try #require(started.status == 0, "\(started.errors)")
            try await body(root, kecsctl)
        }
    }

    private func shell(_ script: String) throws { try #require(system(script) == 0, "\(script)") }

    // MARK: Documents and empty words

    @Test func `a failure has a document of its own, whoever fails`() async throws {
        try await withInstance { _, kecsctl in
            for words in [
                ["doctor", "nope"], ["config", "set", "keep", "x"], ["db", "query", "dev", "SELEC"],
                ["destroy", "dev"], ["backups", "prune", "nope"], ["list", "--nothing"],
            ] {
                let answer = try await kecsctl.run(words + ["-o", "json"])
                #expect(answer.status != 0, "\(words)")
                guard let document = try? JSONValue(parsing: answer.output) else {
                    Issue.record("\(words) has no document: \(answer.output)")
                    continue
                }
                #expect(document["apiVersion"] == "kecsctl/v1", "\(words)")
                #expect(document["error"]?["message"]?.string?.isEmpty == false, "\(words)")
            }
            let query = try await kecsctl("db", "query", "dev", "SELECT 1", "-o", "json")
            let document = try JSONValue(parsing: query.output)
            #expect(document["apiVersion"] == "kecsctl/v1" && document["kind"] == "QueryReport")
        }
    }

    @Test func `an empty word means no backup`() async throws {
        try await withInstance { _, kecsctl in
            #expect(try await kecsctl("backup", "dev").status == 0)
            for words in [
                ["restore", "dev", "--from", ""], ["backups", "show", "", "--instance", "dev"],
                ["backups", "verify", ""], ["backups", "delete", "", "--yes", "--force"],
            ] {
                let answer = try await kecsctl.run(words)
                #expect(answer.status == 64, "\(words): \(answer.output)\(answer.errors)")
            }
            #expect(try await kecsctl("backups", "list", "dev", "-o", "json").items().count == 1)
        }
    }

    // MARK: Plans

    @Test func `a plan ends as the run does`() async throws {
        try await withTemporaryFolder { root in
            try VerbCase.prepare(root)
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            #expect(try await kecsctl("backup", "dev").status == 0)
            func both(_ words: [String], _ status: Int32) async throws {
                for more in [["--dry-run"], []] {
                    let answer = try await kecsctl.run(words + more)
                    #expect(answer.status == status, "\(words + more): \(answer.errors)")
                }
            }
            try await both(["backups", "import", "\(root)/missing.tar", "--as", "copy"], 10)
            try await both(["backups", "delete", "latest", "--instance", "dev", "--yes"], 64)
            try await both(["migrate", "import", "\(root)/app.sqlite", "new"], 0)
            #expect(try await kecsctl("destroy", "dev", "--yes").status == 0)
            try await both(["restore", "dev", "--from", "latest"], 0)
        }
    }

    @Test(arguments: [
        ["restore", "dev", "--from", "latest"], ["recover", "dev"], ["db", "maintain", "dev"],
        ["db", "rescue", "dev"], ["db", "rescue", "--database", "ROOT/app.sqlite"],
        ["db", "maintain", "--database", "ROOT/app.sqlite"],
    ])
    func `a plan writes nothing beside a database`(words: [String]) async throws {
        try await withTemporaryFolder { root in
            try VerbCase.prepare(root)
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            #expect(try await kecsctl("backup", "dev").status == 0)
            let before = try treeDigest(root, leavingOut: ["lock"])
            let answer = try await kecsctl.run(
                words.map { $0.replacing("ROOT", with: root.string) } + ["--dry-run"])
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try treeDigest(root, leavingOut: ["lock"]) == before)
        }
    }

    @Test func `right after a backup nothing differs`() async throws {
        try await withInstance { _, kecsctl in
            #expect(try await kecsctl("backup", "dev").status == 0)
            let answer = try await kecsctl("backups", "diff", "latest", "--instance", "dev")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(!answer.output.contains("kecs.db"), "\(answer.output)")
        }
    }

    // MARK: Remedies

    @Test func `what is advised can be pasted, and does no harm`() async throws {
        try await withInstance { root, kecsctl in
            // A mistyped name is not made an instance of.
            let typo = try await kecsctl("status", "dve")
            #expect(typo.status == 10)
            #expect(!typo.errors.contains("kecsctl start dve"), "\(typo.errors)")
            // Whoever waits for a lock waits with a command that has such an option.
            let lock = root.appending("home/instances/dev/lock")
            let waiting = try await FileLock.hold(
                lock, command: "test", clock: SystemClock(), cancellation: Cancellation()
            ) { try await kecsctl("backup", "dev") }
            #expect(waiting.status == 11)
            #expect(waiting.errors.contains("try:     kecsctl backup dev --wait-lock"), "\(waiting.errors)")
            // An intact backup of which only the mark is broken is neither damaged nor to be deleted.
            let made = try await kecsctl("backup", "dev", "-o", "name")
            let id = try #require(made.output.split(separator: "\n").first)
            try root.appending("home/backups/dev/\(id)/mark.json").replaceContents(Array("{".utf8))
            #expect(try await kecsctl("check", "dev").status == 0)
            let doctor = try await kecsctl("doctor", "dev", "--check", "backup.damaged")
            #expect(!doctor.output.contains("backups delete"), "\(doctor.output)")
        }
    }

    // MARK: Settings

    @Test func `a setting that does not exist is told wherever it stands`() async throws {
        try await withInstance { root, kecsctl in
            for (file, key) in [("kecsctl.json", "kep"), ("instances/dev/config.json", "webhok")] {
                let path = kecsctl.home.appending(file)
                let old = try path.isPresent ? path.contents() : nil
                var text = old.map { String(decoding: $0, as: UTF8.self) } ?? "{}"
                let place = try #require(
                    old == nil
                        ? text.firstIndex(of: "}") : text.firstRange(of: "\"settings\" : {")?.upperBound)
                text.insert(
                    contentsOf: old == nil || text[place...].drop(while: \.isWhitespace).first == "}"
                        ? "\"\(key)\": \"3\"" : "\"\(key)\": \"3\",", at: place)
                try path.replaceContents(Array(text.utf8))
                let answer = try await kecsctl("backup", "dev")
                #expect(answer.status != 0, "\(file)")
                #expect(answer.errors.contains("“\(key)”"), "\(file): \(answer.errors)")
                if let old { try path.replaceContents(old) } else { try path.remove() }
            }
        }
    }

    @Test func `places and addresses that cannot be are refused at once`() async throws {
        try await withInstance { root, kecsctl in
            let file = root.appending("file")
            try file.replaceContents([1])
            let setting = try await kecsctl("config", "set", "dataDir", file.string, "--instance", "dev")
            #expect(setting.status == 64, "\(setting.errors)")
            // The home would be in each of its own backups.
            let outer = root.appending("outer")
            try outer.appending("home").createFolder()
            let inner = Kecsctl(home: outer.appending("home"))
            let started = try await inner("start", "dev", "--runtime", "local", "--data-dir", outer.string)
            #expect(started.status == 64, "\(started.output)")
            #expect(!started.errors.contains("unforeseen"))
            // Asked in clear or not at all: not until the time has run out.
            let polled = try await kecsctl(
                "start", "web", "--runtime", "local", "--command", "sleep 100", "--health-url",
                "https://127.0.0.1:1/health", "--timeout", "20s")
            #expect(polled.status == 64, "\(polled.errors)")
            _ = try await kecsctl("stop", "web", "--no-backup", "--force")
        }
    }

    @Test func `the environment's instance is the one that is shown`() async throws {
        try await withInstance { _, kecsctl in
            #expect(try await kecsctl("start", "two", "--runtime", "local").status == 0)
            var named = kecsctl
            named.environment["KECS_INSTANCE"] = "two"
            for words in [["status"], ["list"], ["check"]] {
                let items = try await named.run(words + ["-o", "json"]).items()
                #expect(
                    items.compactMap { ($0["name"] ?? $0["instance"])?.string } == ["two"], "\(words)")
            }
            let doctor = try await named("doctor", "-o", "json")
            #expect(try doctor.items().allSatisfy { $0["instance"]?.string != "dev" })
        }
    }

    // MARK: Names, secrets, files

    @Test func `no two instances have a unit of one name`() async throws {
        try await withInstance { _, kecsctl in
            func units(_ name: String) async throws -> Set<String> {
                let answer = try await kecsctl(
                    "schedule", "install", name, "--systemd", "--boot", "--at", "02:00", "--dry-run", "-o",
                    "json")
                #expect(answer.status == 0, "\(answer.errors)")
                guard case .object(let files)? = try answer.first()["files"] else { return [] }
                return Set(files.keys)
            }
            #expect(try await kecsctl("start", "backup-dev", "--runtime", "local").status == 0)
            // One has a timer, the other starts with the machine.
            let both = try await units("dev").intersection(try await units("backup-dev"))
            #expect(both.isEmpty, "\(both)")
        }
    }

    @Test func `what a script says of passwords is not in what doctor shows of it`() async throws {
        try await withInstance { root, kecsctl in
            let project = root.appending("project")
            try project.createFolder()
            try project.appending("docker-compose.yml").replaceContents(
                Array("services:\n  app:\n    image: x\n".utf8))
            try project.appending("backup.sh").replaceContents(
                Array(
                    """
                    #!/bin/sh
                    cp kecs.db /backups --password hunter2secret
                    chmod -R 777 /data # https://user:p4sswordx@host/

                    """.utf8), mode: 0o755)
            var here = kecsctl
            here.folder = project
            for form in ["table", "json"] {
                let answer = try await here("doctor", "dev", "-o", form)
                #expect(answer.output.contains("recipe."), "\(answer.output)")
                #expect(!answer.output.contains("hunter2secret") && !answer.output.contains("p4sswordx"))
            }
        }
    }

    @Test func `a dump brings the database back with its numbers and its journal`() async throws {
        try await withTemporaryFolder { root in
            try shell(
                "cd '\(root)' && sqlite3 a.db 'PRAGMA journal_mode=wal; CREATE TABLE t(x); INSERT INTO t VALUES(1); PRAGMA user_version=77; PRAGMA application_id=55' >/dev/null"
            )
            let kecsctl = Kecsctl(home: root.appending("home"))
            let dump = try await kecsctl("db", "dump", "--database", "\(root)/a.db")
            #expect(dump.status == 0, "\(dump.errors)")
            try root.appending("a.sql").replaceContents(Array(dump.output.utf8))
            let loaded = try await kecsctl("db", "load", "\(root)/a.sql", "--into", "\(root)/b.db")
            #expect(loaded.status == 0, "\(loaded.errors)")
            let back = try SQLiteDatabase(root.appending("b.db"), .readOnly)
            #expect(try back.value("PRAGMA user_version")?.integer == 77)
            #expect(try back.value("PRAGMA application_id")?.integer == 55)
            #expect(try back.value("PRAGMA journal_mode")?.text == "wal")
        }
    }

    @Test func `a socket in the data is no reason for a word, least of all a quiet one`() async throws {
        try await withInstance { root, kecsctl in
            try shell(
                "python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' '\(root)/home/instances/dev/data/s'"
            )
            let answer = try await kecsctl("backup", "dev", "--quiet")
            #expect(answer.status == 0)
            #expect(answer.errors == "" && answer.output == "")
        }
    }

    @Test func `what is wrong with a database is told whatever it is called`() async throws {
        try await withTemporaryFolder { root in
            let folder = root.appending("dev_assets")
            try folder.createFolder()
            let file = folder.appending("db.sqlite")
            do {
                let database = try SQLiteDatabase(file, .create)
                try database.executeScript(
                    """
                    PRAGMA journal_mode = DELETE; PRAGMA foreign_keys = OFF;
                    CREATE TABLE parent (id INTEGER PRIMARY KEY);
                    CREATE TABLE child (parent INTEGER REFERENCES parent (id));
                    INSERT INTO child VALUES (17);
                    CREATE TABLE note (text TEXT);
                    """)
                for number in 0..<500 {
                    try database.execute(
                        "INSERT INTO note VALUES ('\(String(repeating: "\(number)", count: 100))')")
                }
            }
            let kecsctl = Kecsctl(home: root.appending("home"))
            let started = try await kecsctl(
                "start", "dev", "--runtime", "local", "--data-dir", folder.string)
            #expect(started.status == 0, "\(started.errors)")
            for (id, words) in [
                ("db.foreign-keys", "1 warning"), ("sqlite.journal_mode", "db.sqlite is not in WAL mode"),
            ] {
                let answer = try await kecsctl("doctor", "dev", "--check", id)
                #expect(answer.output.contains(words), "\(id): \(answer.output)")
            }
            var bytes = try file.contents()
            for index in bytes.count - 4096 * 10..<bytes.count { bytes[index] = 0xA5 }
            try file.replaceContents(bytes)
            let answer = try await kecsctl("doctor", "dev", "--check", "db.integrity")
            #expect(answer.status == 20, "\(answer.output)")
            #expect(answer.output.contains("db.sqlite is damaged"), "\(answer.output)")
        }
    }

    /// What the guide's own Dockerfile does in its last stage, and what any other may.
    @Test(arguments: [
        "FROM go AS builder\nWORKDIR /app\nCOPY . .\nFROM x\nCOPY --from=builder /app/dev_assets /app/dev_assets\n",
        "FROM x\nCOPY . .\n", "FROM x\nCOPY [\"dev_assets\", \"/app/dev_assets\"]\n",
    ])
    func `every form of COPY that brings a database into an image is found`(text: String) async throws {
        try await withTemporaryFolder { root in
            let project = root.appending("project")
            try project.appending("dev_assets").createFolder()
            try SQLiteDatabase(project.appending("dev_assets/db.sqlite"), .create).execute(
                "CREATE TABLE t (a)")
            try project.appending("docker-compose.yml").replaceContents(
                Array("services:\n  app:\n    build: .\n".utf8))
            try project.appending("Dockerfile").replaceContents(Array(text.utf8))
            var kecsctl = Kecsctl(home: root.appending("home"))
            kecsctl.folder = project
            let found = try await kecsctl("doctor", "--check", "dockerfile.db-in-image")
            #expect(found.status == 20, "\(found.output)\(found.errors)")
            // What is left out of the context is in no image.
            try project.appending(".dockerignore").replaceContents(Array("dev_assets\n".utf8))
            let ignored = try await kecsctl("doctor", "--check", "dockerfile.db-in-image")
            #expect(ignored.status == 0, "\(ignored.output)")
        }
    }
}
