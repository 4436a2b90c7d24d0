// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import SystemPackage

/// The findings of `db check` in a database.
public struct DatabaseCheckReport: OperationReport {
    public static let kind = "DatabaseCheckReport"
    public var outcome: Outcome
    public var database: String
    public var bytes: Int64
    public var problems: [Problem]
    /// Rows that refer to nothing, by "child → parent".
    public var orphans: [String: Int64]
    public var durationSeconds: Double

    public struct Problem: Encodable, Hashable, Sendable {
        /// The table; nil for a problem outside a single table.
        public var table: String?
        /// The message in SQLite's own words, with the page where it knows one.
        public var what: String
    }

    public var isSound: Bool { problems.isEmpty && orphans.isEmpty }
}

/// Checks whether a database is undamaged. Changes nothing.
public struct CheckDatabase: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// - Parameter quick: True to skip the comparison of indexes with their tables.
    /// - Throws: `SQLiteError` when no report is possible: busy, no permission.
    public func run(_ target: DatabaseTarget, quick: Bool = false) throws -> DatabaseCheckReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let path = try target.path()
        let size = try FileStatus.of(path)?.size ?? 0
        let database = try target.open(site)
        var report = DatabaseCheckReport(
            outcome: .done, database: path.string, bytes: size, problems: [], orphans: [:],
            durationSeconds: 0)
        for problem in try database.integrityProblems(quick: quick, limit: 20) {
            report.problems.append(DatabaseCheckReport.Problem(table: nil, what: problem))
        }
        if report.problems.isEmpty {
            for violation in try database.foreignKeyViolations() {
                report.orphans["\(violation.table) → \(violation.parent)", default: 0] += 1
            }
        } else {
            report.problems += try tables(of: database)
        }
        if !report.isSound { report.outcome = .failed }
        report.durationSeconds = (clock.elapsed() - began).inSeconds
        return report
    }

    /// Returns the failure that a report with problems means for the exit status.
    public static func failure(_ report: DatabaseCheckReport, of target: DatabaseTarget) -> Failure? {
        guard !report.isSound else { return nil }
        if let first = report.problems.first {
            let tables = Set(report.problems.compactMap(\.table)).sorted()
            let place = tables.isEmpty ? "" : " (in \(tables.joined(separator: ", ")))"
            return Failure(
                .damaged, "the database of \(target.name) is damaged",
                cause: first.what.split(whereSeparator: \.isNewline).joined(separator: "; ") + place,
                remedy: "kecsctl db rescue \(target.argument)")
        }
        let orphans = report.orphans.sorted { $0.key < $1.key }.map { "\($0.value) rows of \($0.key)" }
        return Failure(
            .damaged, "rows in the database of \(target.name) refer to rows that are not there",
            cause: orphans.joined(separator: ", "), remedy: "kecsctl backups list")
    }

    /// Returns the tables that cannot be read to their end. The check of the whole may have ended at the first bad
    /// page.
    private func tables(of database: SQLiteDatabase) throws -> [DatabaseCheckReport.Problem] {
        var problems: [DatabaseCheckReport.Problem] = []
        do {
            let names = try database.query(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")
            for name in names.compactMap({ $0[0].text }) {
                do {
                    try database.prepare("PRAGMA integrity_check(\(sqlIdentifier(name)))").run { row in
                        let text = row[0].bytes.map { String(decoding: $0, as: UTF8.self) } ?? ""
                        guard text != "ok" else { return }
                        problems.append(DatabaseCheckReport.Problem(table: name, what: text))
                    }
                } catch let error as SQLiteError where error.isCorrupt {
                    problems.append(DatabaseCheckReport.Problem(table: name, what: error.message))
                }
            }
        } catch let error as SQLiteError where error.isCorrupt {
            // The list of tables itself cannot be read: that is reported already.
            return problems
        }
        return problems
    }
}
