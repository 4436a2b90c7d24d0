// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSQLite
import KecsSystem
import SystemPackage

/// A database of DuckDB, read through the `duckdb` program. All values come as text, so that nothing is rounded.
struct DuckDBSource: Sendable {
    let site: Site
    let file: FilePath

    struct Column: Hashable, Sendable {
        var name: String
        /// The type in capitals: "VARCHAR", "TIMESTAMP" …
        var type: String
    }

    /// Copies the file with its write-ahead log into the folder, so that the source is not touched.
    ///
    /// - Throws: `Failure(.busy)` while a process has it open: its newest rows may be in memory only.
    static func copy(_ source: FilePath, to folder: FilePath, _ site: Site) throws -> DuckDBSource {
        if let holder = try lockHolder(of: source) {
            throw Failure(
                .busy, "\(source) is in use", cause: "process \(holder) has it open",
                remedy: "ps -o pid,etime,args -p \(holder)")
        }
        let copy = folder.appending("source.duckdb")
        for suffix in ["", ".wal"] {
            let from = source.beside(suffix)
            guard try from.isPresent else { continue }
            try from.copyContents(to: copy.beside(suffix)) {
                try site.machine.cancellation.check()
            }
        }
        if let holder = try lockHolder(of: source) {
            throw Failure(.busy, "\(source) came into use", cause: "process \(holder) has opened it")
        }
        return DuckDBSource(site: site, file: copy)
    }

    /// Returns the process that holds DuckDB's fcntl lock on the file, which it keeps as long as it has the file open
    /// (single_file_block_manager).
    private static func lockHolder(of file: FilePath) throws -> Int32? {
        let descriptor = file.withPlatformString { paths_open($0, O_RDONLY | O_CLOEXEC, 0) }
        guard descriptor >= 0 else { throw FileError.last("open", file) }
        defer { close(descriptor) }
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        guard fcntl(descriptor, F_GETLK, &lock) == 0 else { throw FileError.last("ask for locks on", file) }
        return lock.l_type == Int16(F_UNLCK) ? nil : lock.l_pid
    }

    func tables() async throws -> [String: [Column]] {
        let rows = try await query(
            """
            SELECT table_name AS t, column_name AS c, upper(data_type) AS d FROM information_schema.columns
            WHERE table_schema = 'main' AND table_name IN (SELECT table_name FROM information_schema.tables
            WHERE table_schema = 'main' AND table_type = 'BASE TABLE') ORDER BY table_name, ordinal_position
            """)
        var tables: [String: [Column]] = [:]
        for row in rows {
            guard let table = row["t"]?.string, let column = row["c"]?.string, let type = row["d"]?.string
            else {
                throw Self.strange("the list of its columns")
            }
            tables[table, default: []].append(Column(name: column, type: type))
        }
        return tables
    }

    func count(_ table: String) async throws -> Int64 {
        let rows = try await query("SELECT CAST(count(*) AS VARCHAR) AS n FROM \(sqlIdentifier(table))")
        guard let count = rows.first?["n"]?.string.flatMap({ Int64($0) }) else {
            throw Self.strange("the number of rows of \(table)")
        }
        return count
    }

    /// Hands over each row as texts in the order of `columns`; nil is NULL.
    func rows(
        _ table: String, _ columns: [Column], order: String, _ body: ([String?]) throws -> Void
    ) async throws {
        let list = columns.enumerated().map { "CAST(\(sqlIdentifier($1.name)) AS VARCHAR) AS c\($0)" }
            .joined(separator: ", ")
        var offset = 0
        while true {
            try site.machine.cancellation.check()
            let page = try await query(
                "SELECT \(list) FROM \(sqlIdentifier(table)) ORDER BY \(order) LIMIT \(Self.page) OFFSET \(offset)"
            )
            for row in page {
                try body(
                    try columns.indices.map { index in
                        switch row["c\(index)"] {
                        case .string(let text): text
                        case .null: nil
                        default: throw Self.strange("a value of \(table).\(columns[index].name)")
                        }
                    })
            }
            if page.count < Self.page { return }
            offset += page.count
        }
    }

    private static let page = 2000

    private func query(_ sql: String) async throws -> [JSONValue] {
        // A view or a generated column may read any file of this machine:
        // https://duckdb.org/docs/operations_manual/securing_duckdb
        let closed = "SET enable_external_access = false; \(sql)"
        var call = ProcessCall("duckdb", "-readonly", "-json", file.string, "-c", closed)
        call.limit = .seconds(600)
        call.outputLimit = 512 << 20
        let result = try await site.machine.processes.run(call)
        guard result.succeeded, !result.isCut else {
            throw Failure(
                .failed, "duckdb cannot read the database",
                cause: result.isCut ? "its answer is larger than 512 MiB" : result.errorText,
                remedy: "duckdb --version")
        }
        let text = result.output.drop { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: " ") }
        if text.isEmpty { return [] }
        guard let rows = try JSONFile.decode(JSONValue.self, from: Array(text), at: file).array else {
            throw Self.strange("its answer")
        }
        return rows
    }

    private static func strange(_ what: String) -> Failure {
        Failure(
            .failed, "duckdb gave an answer that kecsctl does not understand", cause: what,
            remedy: "duckdb --version")
    }
}
