// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsState
import KecsSystem
import SystemPackage

/// The result of importing a table.
public struct ImportedTable: Encodable, Hashable, Sendable {
    public var table: String
    public var rowsIn: Int64
    public var rowsOut: Int64
    /// The counts by reason; the rows are kept in `kecsctl_import_rejects`.
    public var rejects: [String: Int64]
    /// A digest over the imported rows, read back from the new database.
    public var digest: String
}

/// Makes a state database from a DuckDB file of any of upstream's ages, without losing a row.
struct ConvertDuckDB: Sendable {
    let site: Site

    /// Parents before children.
    private static let order = [
        "clusters", "task_definitions", "services", "task_sets", "container_instances", "tasks", "attributes",
        "account_settings", "elbv2_load_balancers", "elbv2_target_groups", "elbv2_listeners", "elbv2_rules",
        "elbv2_targets", "task_logs",
    ]

    /// - Parameter force: True to leave out tables and columns that no version of the schema knows.
    func run(
        _ source: FilePath, to target: FilePath, scratch: FilePath, force: Bool
    ) async throws -> (tables: [ImportedTable], notes: [String]) {
        let duck = try DuckDBSource.copy(source, to: scratch, site)
        let found = try await duck.tables()
        guard found["clusters"] != nil else {
            throw Failure(
                .usage, "\(source) is not a database of KECS", cause: "it has no table clusters",
                remedy: "duckdb -readonly \(source) -c .tables")
        }
        var notes: [String] = []
        let now = site.machine.clock.now()
        let database = try StateDatabase.create(
            target, at: now, cancellation: site.machine.cancellation
        ).database
        try database.execute("PRAGMA foreign_keys = OFF")
        var mappings: [Mapping] = []
        for table in found.keys.sorted() {
            guard Self.order.contains(table) else {
                let count = try await duck.count(table)
                try refuseUnknown("the table \(table) with \(count) rows", force: force || count == 0, &notes)
                continue
            }
        }
        for table in Self.order {
            guard let columns = found[table] else { continue }
            let mapping = try Mapping(table, columns, in: database)
            for column in mapping.unknown {
                try refuseUnknown("the column \(table).\(column)", force: force, &notes)
            }
            mappings.append(mapping)
        }
        var tables: [ImportedTable] = []
        try database.execute("BEGIN IMMEDIATE")
        for mapping in mappings {
            site.machine.progress.step("importing \(mapping.table)", total: nil)
            tables.append(try await load(mapping, from: duck, into: database, at: now))
        }
        try rejectOrphans(in: database, &tables, at: now)
        try database.execute("COMMIT")
        for problem in try database.integrityProblems(limit: 1) {
            throw Failure(.damaged, "the imported database is damaged", cause: problem)
        }
        for table in tables where table.rowsIn != table.rowsOut + table.rejects.values.reduce(0, +) {
            throw Failure(
                .failed, "rows of \(table.table) would be lost",
                cause:
                    "\(table.rowsIn) came in, \(table.rowsOut) are in the new database, \(table.rejects) were rejected"
            )
        }
        return (tables, notes)
    }

    private func refuseUnknown(_ what: String, force: Bool, _ notes: inout [String]) throws {
        guard force else {
            throw Failure(
                .failed, "the database was not imported: it contains something unknown",
                cause: "\(what) belongs to no version of the schema",
                remedy: Remedy.again(with: "--force") ?? "kecsctl migrate import --help")
        }
        notes.append("\(what) was left out")
    }

    // MARK: One table

    /// The mapping of columns.
    private struct Mapping {
        var table: String
        var source: [DuckDBSource.Column] = []
        var target: [Target] = []
        var unknown: [String] = []

        struct Target {
            var name: String
            var isInteger: Bool
            var isMoment: Bool
            /// The value that replaces a NULL where none is allowed.
            var fallback: SQLiteValue?
        }

        init(_ table: String, _ columns: [DuckDBSource.Column], in database: SQLiteDatabase) throws {
            self.table = table
            var known: [String: Target] = [:]
            for row in try database.query(
                "SELECT name, type, \"notnull\", dflt_value FROM pragma_table_xinfo(?)", .text(table))
            {
                guard let name = row[0].text else { continue }
                var fallback: SQLiteValue?
                if row[2].integer == 1, let value = row[3].text {
                    fallback = try database.value("SELECT \(value)")
                }
                known[name] = Target(
                    name: name, isInteger: row[1].text == "INTEGER",
                    isMoment: name.hasSuffix("_at") || name == "timestamp", fallback: fallback)
            }
            for column in columns {
                let name =
                    table == "clusters" && column.name == "kind_cluster_name"
                    ? "k8s_cluster_name" : column.name
                guard let target = known[name], !self.target.contains(where: { $0.name == name }) else {
                    unknown.append(column.name)
                    continue
                }
                source.append(column)
                self.target.append(target)
            }
        }
    }

    private func load(
        _ mapping: Mapping, from duck: DuckDBSource, into database: SQLiteDatabase, at now: Moment
    ) async throws -> ImportedTable {
        let names = mapping.target.map { sqlIdentifier($0.name) }.joined(separator: ", ")
        let marks = mapping.target.map { _ in "?" }.joined(separator: ", ")
        let insert = try database.prepare("INSERT INTO \(mapping.table) (\(names)) VALUES (\(marks))")
        // Of several tasks for one pod the newest came first and stays.
        let isTasks = mapping.table == "tasks" && mapping.source.contains { $0.name == "created_at" }
        var result = ImportedTable(table: mapping.table, rowsIn: 0, rowsOut: 0, rejects: [:], digest: "")
        var expected = RowSetDigest()
        try await duck.rows(
            mapping.table, mapping.source, order: isTasks ? "created_at DESC, rowid" : "rowid"
        ) { texts in
            result.rowsIn += 1
            do {
                let values = try zip(texts, mapping.target).map(convert)
                try insert.run(values)
                expected.add(values)
            } catch let reason as Unfit {
                try reject(mapping, texts, reason.why, &result, in: database, at: now)
            } catch let error as SQLiteError where error.code == 19 {
                // SQLITE_CONSTRAINT: the row conflicts with another one, or fits not at all.
                let isPod = error.message.contains("tasks.pod_name")
                try reject(
                    mapping, texts, isPod ? "duplicate pod" : error.message, &result, in: database, at: now)
            }
        }
        var actual = RowSetDigest()
        try database.prepare("SELECT \(names) FROM \(mapping.table)").run { actual.add($0.values) }
        guard actual == expected, try await duck.count(mapping.table) == result.rowsIn else {
            throw Failure(
                .failed, "the rows of \(mapping.table) are not what was imported",
                cause:
                    "\(expected.count) rows with \(expected.text) against \(actual.count) with \(actual.text)"
            )
        }
        result.rowsOut = actual.count
        result.digest = actual.text
        return result
    }

    private struct Unfit: Error { var why: String }

    private func convert(_ text: String?, _ target: Mapping.Target) throws -> SQLiteValue {
        guard let text else { return target.fallback ?? .null }
        if target.isInteger {
            if let number = Int64(text) { return .integer(number) }
            switch text {
            case "true": return .integer(1)
            case "false": return .integer(0)
            default: throw Unfit(why: "\(target.name) is no whole number")
            }
        }
        if target.isMoment {
            guard let moment = timestamp(text) else { throw Unfit(why: "\(target.name) is no time") }
            return .text(moment)
        }
        return .text(text)
    }

    /// `2025-09-20 09:00:00.123456` → `2025-09-20T09:00:00.123456Z`: both engines keep microseconds, in UTC.
    private func timestamp(_ text: String) -> String? {
        guard let moment = Moment(text) else { return nil }
        let micros = String(moment.nanoseconds / 1000)
        return moment.description.dropLast() + "."
            + String(repeating: "0", count: 6 - micros.count) + micros + "Z"
    }

    // MARK: Rejects

    private func reject(
        _ mapping: Mapping, _ texts: [String?], _ reason: String, _ result: inout ImportedTable,
        in database: SQLiteDatabase, at now: Moment
    ) throws {
        var row: [String: JSONValue] = [:]
        for (column, text) in zip(mapping.source, texts) {
            row[column.name] = text.map { .string($0) } ?? .null
        }
        let json = String(decoding: try JSONFile.encode(JSONValue.object(row)), as: UTF8.self)
        let key = mapping.source.firstIndex { ["id", "arn"].contains($0.name) }.flatMap { texts[$0] }
        try database.execute(
            """
            INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
            VALUES (?, ?, ?, ?, ?)
            """, .text(mapping.table), SQLiteValue(key), .text(reason), .text(json), .text(now.description))
        result.rejects[reason, default: 0] += 1
    }

    /// Rejects rows whose parent is missing. Removing one may make orphans of its own children.
    private func rejectOrphans(
        in database: SQLiteDatabase, _ tables: inout [ImportedTable], at now: Moment
    ) throws {
        while true {
            let violations = Set(try database.foreignKeyViolations())
            if violations.isEmpty { break }
            for violation in violations {
                guard let rowid = violation.rowid else { continue }
                let select = "SELECT * FROM \(violation.table) WHERE rowid = ?"
                guard let row = try database.query(select, .integer(rowid)).first else { continue }
                let fields = Dictionary(
                    zip(row.columns, row.values.map { JSONValue($0) }), uniquingKeysWith: { $1 })
                let json = String(decoding: try JSONFile.encode(JSONValue.object(fields)), as: UTF8.self)
                try database.execute(
                    """
                    INSERT INTO kecsctl_import_rejects (source_table, source_key, reason, row_json, rejected_at)
                    VALUES (?, ?, 'orphan', ?, ?)
                    """, .text(violation.table), row["id"] ?? row["arn"] ?? .null, .text(json),
                    .text(now.description))
                try database.execute("DELETE FROM \(violation.table) WHERE rowid = ?", .integer(rowid))
                guard let index = tables.firstIndex(where: { $0.table == violation.table }) else { continue }
                tables[index].rowsOut -= 1
                tables[index].rejects["orphan", default: 0] += 1
            }
        }
    }
}
