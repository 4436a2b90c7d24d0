// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import SystemPackage

/// The result of `db maintain`.
public struct MaintainReport: OperationReport {
    public static let kind = "MaintainReport"
    public var outcome: Outcome
    public var database: String
    /// The size of the file and its write-ahead log.
    public var bytesBefore: Int64
    public var bytesAfter: Int64
    /// The space that a VACUUM could free.
    public var freeBytes: Int64
    public var steps: [String]
    public var durationSeconds: Double
}

/// ANALYZE, VACUUM and a checkpoint of the write-ahead log, which keep a database small and fast.
public struct MaintainDatabase: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Maintains the database. Call it under the instance's lock.
    ///
    /// - Throws: `Failure(.noRoom)` before anything is done; `.damaged`; `SQLiteError` when another program keeps it
    ///   locked.
    public func run(
        _ target: DatabaseTarget, vacuum: Bool = true, analyze: Bool = true, dryRun: Bool = false
    ) throws -> MaintainReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let path = try target.path()
        let before = try size(of: path)
        var report = MaintainReport(
            outcome: .planned, database: path.string, bytesBefore: before, bytesAfter: before, freeBytes: 0,
            steps: [], durationSeconds: 0)
        if vacuum {
            // Space for a copy of all used pages, and as much again in the journal or the log.
            let needed = ByteCount(before * 2)
            let free = try site.machine.freeSpace(path)
            guard needed <= free else {
                throw Failure(
                    .noRoom, "not enough free space to vacuum the database of \(target.name)",
                    cause:
                        "\(free) are free in \(path.removingLastComponent()) and about \(needed) are needed",
                    remedy: "kecsctl db maintain \(target.argument) --no-vacuum")
            }
        }
        do {
            let database =
                try dryRun
                ? target.open(site)
                : SQLiteDatabase(path, .readWrite, cancellation: site.machine.cancellation)
            if let problem = try database.integrityProblems(quick: true, limit: 1).first {
                throw Failure(
                    .damaged, "the database of \(target.name) is damaged, and was left as it is",
                    cause: problem, remedy: "kecsctl db rescue \(target.argument)")
            }
            let pageSize = try database.value("PRAGMA page_size")?.integer ?? 0
            report.freeBytes = (try database.value("PRAGMA freelist_count")?.integer ?? 0) * pageSize
            report.steps =
                (analyze ? ["ANALYZE"] : []) + (vacuum ? ["VACUUM"] : [])
                + (try database.usesWAL() ? ["PRAGMA wal_checkpoint(TRUNCATE)"] : [])
            if dryRun { return report }
            for step in report.steps {
                site.machine.progress.step(step, total: nil)
                try database.execute(step)
            }
        }
        report.outcome = .done
        report.bytesAfter = try size(of: path)
        report.durationSeconds = (clock.elapsed() - began).inSeconds
        return report
    }

    private func size(of path: FilePath) throws -> Int64 {
        let log = path.beside("-wal")
        return (try FileStatus.of(path)?.size ?? 0).adding(try FileStatus.of(log)?.size ?? 0)
    }
}
