// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsArchive
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// A large database of which one page in twenty is rubbish.
@Suite struct LargeRescueTests {
    /// 200 MB with `KECSCTL_FAULTS=full`.
    private static let rows = Rounds.count(ci: 50_000, full: 110_000)

    private func make(_ file: FilePath) throws -> Int {
        do {
            let database = try SQLiteDatabase(file, .create)
            try database.execute("PRAGMA synchronous = OFF")
            try database.executeScript(
                """
                CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
                CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
                INSERT INTO users SELECT i, 'user ' || i FROM n;
                """)
            let insert = try database.prepare("INSERT INTO notes VALUES (?, hex(randomblob(900)))")
            try database.transaction {
                for id in 0..<Self.rows { try insert.run([.integer(Int64(id))]) }
            }
            try database.execute("CREATE INDEX by_start ON notes(substr(text, 1, 20))")
        }
        // Every twentieth page from the tenth, in place.
        let descriptor = file.withPlatformString { open($0, O_RDWR | O_CLOEXEC) }
        guard descriptor >= 0 else { throw FileError.last("open", file) }
        defer { close(descriptor) }
        let pages = Int(try FileStatus.of(descriptor: descriptor, at: file).size) / 4096
        let rubbish = (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 200) }
        var trashed = 0
        for page in stride(from: 10, to: pages, by: 20) {
            guard pwrite(descriptor, rubbish, 4096, off_t(page) * 4096) == 4096 else {
                throw FileError.last("write to", file)
            }
            trashed += 1
        }
        return trashed
    }

    @Test func `is found damaged with the place, and rescued with a table of losses in little memory`()
        async throws
    {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            let file = root.appending("large.sqlite")
            let trashed = try make(file)
            let size = try #require(try FileStatus.of(file)).size
            let before = try digest(of: file, cancellation: Cancellation()).sha256

            let check = try await kecsctl.measured(["db", "check", "--database", file.string])
            #expect(check.status == 13)
            let text = String(decoding: try check.output.contents(), as: UTF8.self)
            #expect(text.contains("notes"), "\(text)")
            #expect(text.lowercased().contains("page"), "\(text)")

            let rescue = try await kecsctl.measured(["db", "rescue", "--database", file.string, "-o", "json"])
            #expect(rescue.status == 0)
            let report = try JSONFile.decode(JSONValue.self, from: rescue.output.contents(), at: "stdout")
            let tables = try #require(report["tables"]?.array)
            let notes = try #require(tables.first { $0["table"]?.string == "notes" })
            let rescued = try #require(report["rescued"]?.string)
            let kept = try #require(notes["rowsAfter"]?.integer)
            let lost = try #require(notes["rowsLost"]?.integer)
            // Two rows lie on a page: about one in twenty is gone, and the table says about so many.
            #expect(kept > Int64(Self.rows * 92 / 100))
            #expect(kept < Int64(Self.rows))
            let missing = Int64(Self.rows) - kept
            #expect(abs(lost - missing) <= missing / 5, "\(lost) said, \(missing) missing")
            #expect(tables.first { $0["table"]?.string == "users" } != nil)
            #expect(try await kecsctl("db", "check", "--database", rescued).status == 0)
            #expect(try digest(of: file, cancellation: Cancellation()).sha256 == before)
            // Smaller than the file, and the same whatever its size: what is built for debugging takes 50 MiB at rest.
            let limit: Int64 = 80 << 20
            try #require(size > limit)
            #expect(check.peak < limit, "check: \(check.peak)")
            #expect(rescue.peak < limit, "rescue: \(rescue.peak)")
            print(
                "rescue: \(size >> 20) MiB, \(trashed) pages trashed, \(missing) of \(Self.rows) rows lost, "
                    + "\(lost) said; peak memory: check \(check.peak >> 20) MiB, rescue \(rescue.peak >> 20) MiB"
            )
        }
    }
}

extension Kecsctl {
    /// What is started by a process whose own memory is small, since a child's peak counts from before its exec.
    private static let measure = """
        import resource, subprocess, sys
        with open(sys.argv[1], "wb") as output:
            status = subprocess.run(sys.argv[2:], stdout=output, stderr=subprocess.DEVNULL).returncode
        print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
        """

    /// Runs it and says how much memory it took at most, in bytes. Its output is in a file, which the next call replaces.
    func measured(
        _ arguments: [String]
    ) async throws -> (status: Int, output: FilePath, peak: Int64) {
        try home.createFolder()
        let output = home.removingLastComponent().appending("output")
        var call = ProcessCall(
            "/usr/bin/python3", ["-c", Self.measure, output.string, Self.program.string] + arguments)
        call.limit = .seconds(300)
        let result = try await SystemProcesses(environment: variables, cancellation: Cancellation()).run(call)
        let numbers = result.outputText.split(whereSeparator: \.isWhitespace).compactMap { Int64($0) }
        try #require(result.succeeded && numbers.count == 2, "\(result.errorText)")
        // In KiB: getrusage(2).
        return (Int(numbers[0]), output, numbers[1] * 1024)
    }
}
