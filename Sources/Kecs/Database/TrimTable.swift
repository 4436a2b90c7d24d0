// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSQLite
public import KecsSystem
import SystemPackage

/// The result of `db trim`, or its plan.
public struct TrimReport: OperationReport {
    public static let kind = "TrimReport"
    public var outcome: Outcome
    public var database: String
    public var table: String
    public var column: String
    /// The time before which rows are removed.
    public var before: Moment
    public var rows: Int64
    /// The number of rows that are removed.
    public var removed: Int64
    /// The number of rows without a time, which stay.
    public var withoutTime: Int64
    /// The rows of other tables that were removed with them by their foreign keys.
    public var alsoRemoved: [String: Int64]
    public var notes: [String]
    /// The backup from before the first change.
    public var backup: BackupSummary?
    public var durationSeconds: Double
}

/// Removes the rows of a table that are older than a time, by a column that holds nothing but times. A backup comes
/// first, and all rows go in one transaction.
public struct TrimTable: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Trims the table. Call it under the instance's lock.
    ///
    /// - Throws: `Failure(.usage)` for a missing table or column, and for a column that holds anything but times.
    public func run(
        _ instance: Instance, _ target: DatabaseTarget, table: String, column: String, older age: Duration,
        force: Bool = false, dryRun: Bool = false
    ) async throws -> TrimReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let path = try target.path()
        var report = TrimReport(
            outcome: .planned, database: path.string, table: table, column: column, before: clock.now() - age,
            rows: 0, removed: 0, withoutTime: 0, alsoRemoved: [:], notes: [], backup: nil, durationSeconds: 0)
        // Read only, and closed before the backup, which may have to stop the server.
        let times = try { () throws -> TimeColumn in
            let database = try target.open(site)
            let times = try TimeColumn(table, column, in: database, target)
            report.rows = try database.value("SELECT count(*) FROM \(times.table)")?.integer ?? 0
            report.withoutTime =
                try database.value("SELECT count(*) FROM \(times.table) WHERE \(times.column) IS NULL")?
                .integer ?? 0
            report.removed = try times.count(before: report.before, in: database)
            report.notes = try Self.notes(table, in: database)
            return times
        }()
        if report.removed == 0 { report.outcome = .already }
        if dryRun || report.removed == 0 { return report }

        report.backup = try await TakeBackup(site: site).run(
            instance, BackupRequest(reason: .beforeMigration, prune: false, force: force)
        ).backup
        site.machine.progress.step("removing rows of \(table)", total: nil)
        let database = try SQLiteDatabase(path, .readWrite, cancellation: site.machine.cancellation)
        try database.execute("PRAGMA foreign_keys = ON")
        let referring = try Self.referring(to: table, in: database)
        try database.transaction {
            // Rows that came or changed during the backup are judged again. A column that no longer holds only times
            // stops it.
            _ = try TimeColumn(table, column, in: database, target)
            let before = try Self.counts(referring, in: database)
            report.removed = try times.remove(before: report.before, in: database)
            for (other, rows) in try Self.counts(referring, in: database) {
                let gone = (before[other] ?? 0) - rows
                if gone > 0 { report.alsoRemoved[other] = gone }
            }
        }
        report.outcome = .done
        report.durationSeconds = (clock.elapsed() - began).inSeconds
        return report
    }

    /// The other tables that have a foreign key to this one.
    private static func referring(to table: String, in database: SQLiteDatabase) throws -> [String] {
        try database.ordinaryTables().filter { other in
            guard other != table else { return false }
            return try database.query("SELECT \"table\" FROM pragma_foreign_key_list(?)", .text(other))
                .contains { $0[0].text?.lowercased() == table.lowercased() }
        }
    }

    private static func notes(_ table: String, in database: SQLiteDatabase) throws -> [String] {
        let others = try referring(to: table, in: database)
        guard !others.isEmpty else { return [] }
        return [
            "rows of \(others.sorted().joined(separator: ", ")) refer to \(table): they go along or keep theirs, as their foreign keys say"
        ]
    }

    private static func counts(_ tables: [String], in database: SQLiteDatabase) throws -> [String: Int64] {
        try tables.reduce(into: [:]) { counts, table in
            counts[table] = try database.value("SELECT count(*) FROM \(sqlIdentifier(table))")?.integer ?? 0
        }
    }
}
