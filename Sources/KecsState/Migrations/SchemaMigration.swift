// SPDX-License-Identifier: Apache-2.0
public import KecsSQLite
public import KecsSystem

/// The position of the control plane's database in the history of its schema.
public struct SchemaStatus: Sendable {
    public var plan: MigrationPlan
    /// Determined by the shape, not by the ledger: the ledger of a database that we have not migrated yet is empty.
    public var baseline: [MigrationStep]
    /// The differences between the schema and the ledger, as clauses.
    public var drift: [String]
    public var shape: SchemaShape
    /// `user_version`: 1 for databases that this program makes, 0 before.
    public var userVersion: Int64
    /// The program that wrote a schema newer than ours, as far as the database tells.
    public var writer: String?

    public var applied: [MigrationStep] {
        plan.migrations.filter { migration in
            plan.ledger.applied.contains { $0.version == migration.version }
        }
    }
}

extension UpstreamHistory {
    /// The `user_version` of `0001_initial.sql`.
    public static let newestUserVersion: Int64 = 1

    /// - Throws: `MigrationProblem(.usage)` for a database that is not the control plane's, `.newer` for one that a
    ///   later kecsctl made.
    public static func status(of database: SQLiteDatabase) throws -> SchemaStatus {
        let shape = try SchemaShape(database)
        let userVersion = try database.value("PRAGMA user_version")?.integer ?? 0
        var writer: String?
        if shape.has("kecsctl_meta") {
            writer = try database.value("SELECT value FROM kecsctl_meta WHERE key = 'schema_writer'")?.text
        }
        var ledger = try MigrationLedger(.kecsctl).read(database, known: migrations)
        // A database made from nothing has the numbers of `SchemaHistory.kecs` in its ledger: they are the
        // `user_version`.
        let numbers = Set(SchemaHistory.kecs.steps.map(\.version))
        ledger.applied.removeAll { numbers.contains($0.version) }
        let unknown = ledger.applied.first { entry in
            entry.version > newest || (entry.version > 0 && entry.version < earliest)
        }
        if userVersion > newestUserVersion || unknown != nil {
            throw MigrationProblem(
                .newer,
                "its schema has version \(unknown?.version ?? userVersion)"
                    + (writer.map { ", written by \($0)" } ?? "") + "; this one knows \(newest)")
        }
        guard shape.isState else {
            throw MigrationProblem(.usage, "it has no table clusters, so it is not a database of KECS")
        }
        var baseline: [MigrationStep] = []
        if ledger.applied.isEmpty {
            baseline = shape.recognised
            ledger.applied = baseline.map {
                MigrationLedger.Entry(
                    version: $0.version, name: $0.name, checksum: $0.checksum, appliedAt: nil)
            }
        }
        let plan = MigrationPlan(migrations, ledger)
        return SchemaStatus(
            plan: plan, baseline: baseline, drift: try drift(of: shape, in: database, plan), shape: shape,
            userVersion: userVersion, writer: writer)
    }

    private static func drift(
        of shape: SchemaShape, in database: SQLiteDatabase, _ plan: MigrationPlan
    ) throws -> [String] {
        var found = shape.unknownColumns.map { "the column \($0) belongs to no version" }
        found += try Migration().changedSteps(in: database).map {
            "the step \($0.name) is not what it was when the database was made"
        }
        for migration in plan.migrations {
            let isApplied = plan.ledger.applied.contains { $0.version == migration.version }
            let shows = steps.first { $0.migration.version == migration.version }?.isApplied(shape) ?? false
            if isApplied, !shows {
                found.append("\(migration.version) \(migration.name) is in the ledger but not in the schema")
            } else if !isApplied, shows {
                found.append("\(migration.version) \(migration.name) is in the schema but not in the ledger")
            }
        }
        guard plan.isUpToDate else { return found }
        let expected = try initialSchema()
        let actual = try database.schemaText()
        for (name, sql) in expected.sorted(by: { $0.key < $1.key }) {
            if actual[name] == nil {
                found.append("the \(name) is missing")
            } else if actual[name] != sql {
                found.append("the definition of the \(name) is not the newest one")
            }
        }
        for name in actual.keys.sorted() where expected[name] == nil {
            found.append("the \(name) belongs to no version")
        }
        return found
    }

    /// Normalised SQL of everything that `0001_initial.sql` makes, by "table clusters", "index idx_tasks_group" …
    private static func initialSchema() throws -> [String: String] {
        var schema: [String: String] = [:]
        for statement in splitSQL(initialSQL) where statement.tokens.first == "CREATE" {
            let kind = statement.tokens.contains("INDEX") ? "index" : "table"
            guard let place = statement.tokens.firstIndex(of: kind.uppercased()) else { continue }
            schema["\(kind) \(statement.tokens[place + 1].lowercased())"] = withoutEnd(
                normalizedSQL(statement.sql))
        }
        return schema
    }

    static func withoutEnd(_ sql: String) -> String { sql.hasSuffix(";") ? String(sql.dropLast()) : sql }

    /// The change from one version to another, ready to be rehearsed and run.
    ///
    /// - Throws: `MigrationProblem`.
    public static func run(
        _ status: SchemaStatus, to target: Int64?, force: Bool, now: @escaping @Sendable () -> Moment
    ) throws(MigrationProblem) -> MigrationRun {
        let actions = try status.plan.actions(to: target, force: force)
        if !force, !actions.isEmpty {
            if let column = status.shape.unknownColumns.first {
                throw MigrationProblem(.state, "the column \(column) belongs to no version and would be lost")
            }
            if let first = status.shape.attachments.first {
                throw MigrationProblem(.state, "the \(first) belongs to no version and would be lost")
            }
        }
        var run = MigrationRun(
            ledger: MigrationLedger(.kecsctl), actions: actions, applied: status.applied,
            baseline: status.baseline, bookkeeping: bookkeeping, now: now)
        // Types and plain indexes of a database that others made are not checked; columns and rows are.
        run.comparesDefinitions = status.baseline.isEmpty
        return run
    }

    /// Checks that every row is where it was, or kept as a reject.
    public static func checkRows(_ database: SQLiteDatabase, before: DatabaseContent) throws {
        let rejects = try database.rejects()
        let earlier = before.tables["kecsctl_import_rejects"]?.rows ?? 0
        var newRejects = rejects.values.reduce(0, +) - earlier
        for (table, content) in before.tables where !bookkeeping.contains(table) {
            guard let now = try database.tableRowCounts(of: table) else { continue }
            newRejects += now - content.rows
        }
        guard newRejects == 0 else {
            throw MigrationProblem(.state, "\(newRejects.magnitude) rows would be lost or doubled")
        }
    }
}

extension SQLiteDatabase {
    func schemaText() throws -> [String: String] {
        Dictionary(
            try schemaSQL().map { ("\($0.kind) \($0.name)", UpstreamHistory.withoutEnd($0.sql)) },
            uniquingKeysWith: { $1 })
    }

    /// Returns the number of rows that each table has lost to the rejects.
    public func rejects() throws -> [String: Int64] {
        guard try tableRowCounts(of: "kecsctl_import_rejects") != nil else { return [:] }
        var counts: [String: Int64] = [:]
        for row in try query(
            "SELECT source_table, count(*) FROM kecsctl_import_rejects GROUP BY source_table")
        {
            counts[row[0].text ?? ""] = row[1].integer
        }
        return counts
    }

    /// Returns the number of rows; nil when there is no such table.
    func tableRowCounts(of table: String) throws -> Int64? {
        guard try value("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", .text(table)) != nil
        else { return nil }
        return try value("SELECT count(*) FROM main.\(sqlIdentifier(table))")?.integer
    }
}

extension UpstreamHistory {
    /// Returns the work that belongs into the transaction of a run in addition to its steps. It counts the rows, and
    /// makes the database one that `StateDatabase` opens: with the entry in the ledger that a new one would have.
    public static func finish(
        _ run: MigrationRun, writer: String
    ) -> (SQLiteDatabase, DatabaseContent) throws -> Void {
        { database, before in
            try checkRows(database, before: before)
            let initial = SchemaHistory.kecs.steps[0]
            let endsInNewest = run.actions.last.map { $0.direction == .up && $0.migration.version == newest }
            guard endsInNewest == true else {
                try database.execute(
                    "DELETE FROM kecsctl_migrations WHERE version = ?", .integer(initial.version))
                return
            }
            try database.execute(
                "INSERT OR IGNORE INTO kecsctl_migrations (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
                .integer(initial.version), .text(initial.name), .text(initial.checksum),
                .text(run.now().description))
            // For an older kecsctl, which must name the program that knows this schema.
            try database.execute(
                "INSERT OR REPLACE INTO kecsctl_meta (key, value) VALUES ('schema_writer', ?)", .text(writer))
        }
    }
}
