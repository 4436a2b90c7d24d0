// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSQLite
import KecsState
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// `migrate import` of a real DuckDB file with the real duckdb program: made and read back by PyPI's modules.
@Suite(.enabled(if: Python.isThere, "scripts/python has no duckdb here")) struct DuckDBTests {
    private static var fixtures: FilePath { Python.root.appending("Tests/Fixtures/duckdb") }

    /// Upstream's schema from before its first change for SQLite, as DuckDB had it.
    private static var schema: String {
        // Types that only SQLite's steps changed, and a rename that never reached a DuckDB file.
        let sqliteOnly: Set<Int64> = [20_250_608, 20_250_612, 20_250_623]
        return UpstreamHistory.migrations.filter {
            $0.version < 20_250_902 && !sqliteOnly.contains($0.version)
        }
        .flatMap { splitSQL($0.up.sql).map(\.sql) }.joined(separator: "\n")
    }

    private func make(_ root: FilePath) throws -> FilePath {
        let schema = root.appending("schema.sql")
        try schema.replaceContents(Array(Self.schema.utf8))
        let file = root.appending("kecs.db")
        let made = try Python.run([Self.fixtures.appending("make.py").string, file.string, schema.string])
        try #require(made.status == 0, "\(made.output)")
        return file
    }

    /// With the real `duckdb` on its PATH.
    private func kecsctl(_ root: FilePath) throws -> Kecsctl {
        let tools = root.appending("tools")
        try tools.createFolder()
        let place = try Python.run(["-c", "import duckdb_cli; print(duckdb_cli.__path__[0])"])
        let program = FilePath(place.output.trimmed).appending("duckdb")
        try #require(try program.isPresent, "\(place.output)")
        let code = tools.appending("duckdb").withPlatformString { link in
            program.withPlatformString { symlink($0, link) }
        }
        try #require(code == 0)
        return Kecsctl(
            home: root.appending("home"), environment: ["PATH": "\(tools):/usr/sbin:/usr/bin:/sbin:/bin"])
    }

    @Test func `every table comes over without a lost row, as duckdb and sqlite3 read them`() async throws {
        try await withTemporaryFolder { root in
            let file = try make(root)
            let wal = FilePath(file.string + ".wal")
            try #require(try wal.isPresent)
            let before = try (file.contents(), wal.contents())
            let kecsctl = try kecsctl(root)
            let answer = try await kecsctl("migrate", "import", file.string, "dev", "-o", "json")
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(try (file.contents(), wal.contents()) == before)
            #expect(try root.entries().filter { $0.string.hasPrefix("kecs.db") }.count == 2)
            let tables = try #require(try answer.first()["tables"]?.array)
            for table in tables {
                var rejected: Int64 = 0
                if case .object(let reasons)? = table["rejects"] {
                    rejected = reasons.values.compactMap(\.integer).reduce(0, +)
                }
                #expect(
                    table["rowsIn"]?.integer == (table["rowsOut"]?.integer ?? 0) + rejected, "\(table)")
            }
            #expect(tables.count == 14)
            func rejects(_ name: String) -> JSONValue? {
                tables.first { $0["table"]?.string == name }?["rejects"]
            }
            #expect(rejects("services")?["orphan"]?.integer == 1)
            #expect(rejects("tasks")?["duplicate pod"]?.integer == 2)
            // Nothing else is refused but the definition that is no JSON.
            let refused = tables.map { ($0["rowsIn"]?.integer ?? 0) - ($0["rowsOut"]?.integer ?? 0) }.reduce(
                0, +)
            #expect(refused == 4)
            let database = root.appending("home/instances/dev/data/kecs.db")
            let compared = try Python.run(
                [Self.fixtures.appending("compare.py").string, file.string, database.string])
            #expect(compared.status == 0, "\(compared.output)")
            print("DuckDB: " + compared.output.split(separator: "\n").joined(separator: "; "))
            #expect(compared.output.split(separator: "\n").count == 14, "\(compared.output)")
            // The newest of each pod stays.
            let newest = try await kecsctl(
                "db", "query", "dev", "SELECT id FROM tasks WHERE pod_name = 'twice'", "-o", "name")
            #expect(newest.output == "twice-2\n")
            #expect(try await kecsctl("db", "check", "dev").status == 0)
        }
    }

    @Test func `a file that a live process has open is refused as busy`() async throws {
        try await withTemporaryFolder { root in
            let file = try make(root)
            let kecsctl = try kecsctl(root)
            let server = try Python.hold([Self.fixtures.appending("make.py").string, "--hold", file.string])
            let answer = try await kecsctl("migrate", "import", file.string, "dev")
            server.end()
            #expect(answer.status == 11, "\(answer.errors)")
            #expect(answer.errors.contains("process \(server.pid) has it open"), "\(answer.errors)")
            let later = try await kecsctl("migrate", "import", file.string, "dev")
            #expect(later.status == 0, "\(later.errors)")
        }
    }
}

extension String {
    fileprivate var trimmed: String { String(split(whereSeparator: \.isNewline).last ?? "") }
}

/// `scripts/python`: python3 with the packages of Tests/requirements.txt.
enum Python {
    static let root = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent()

    static let isThere = (try? run(["-c", "import duckdb, duckdb_cli"]).status) == 0

    static func run(_ words: [String]) throws -> (status: Int32, output: String) {
        let (pid, output) = try spawn(words, input: nil)
        defer { fclose(output) }
        let text = read(output)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        return (status >> 8 & 0xFF, text)
    }

    /// A process that said its first line, and goes on until `end`.
    struct Held {
        var pid: pid_t
        fileprivate var input: CInt
        fileprivate var output: UnsafeMutablePointer<FILE>

        func end() {
            close(input)
            fclose(output)
            var status: Int32 = 0
            waitpid(pid, &status, 0)
        }
    }

    static func hold(_ words: [String]) throws -> Held {
        var ends: [CInt] = [0, 0]
        try #require(clinux_pipe(&ends) == 0)
        let (pid, output) = try spawn(words, input: ends[0])
        close(ends[0])
        var line = [CChar](repeating: 0, count: 100)
        try #require(fgets(&line, 100, output) != nil, "python ended before it said a word")
        return Held(pid: pid, input: ends[1], output: output)
    }

    private static func spawn(
        _ words: [String], input: CInt?
    ) throws -> (pid_t, UnsafeMutablePointer<FILE>) {
        var ends: [CInt] = [0, 0]
        try #require(clinux_pipe(&ends) == 0)
        let program = root.appending("scripts/python").string
        var pid = pid_t()
        var argv = ([program] + words).map { strdup($0) } + [nil]
        defer { for pointer in argv { free(pointer) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input { posix_spawn_file_actions_adddup2(&actions, input, 0) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
        let code = posix_spawn(&pid, program, &actions, nil, &argv, environ)
        close(ends[1])
        try #require(code == 0)
        return (pid, try #require(fdopen(ends[0], "r")))
    }

    private static func read(_ file: UnsafeMutablePointer<FILE>) -> String {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&piece, 1, piece.count, file)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += piece[..<count]
        }
    }
}
