// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

/// The result of `db rescue` on a damaged database.
public struct RescueReport: OperationReport {
    public static let kind = "RescueReport"
    public var outcome: Outcome
    /// The damaged database.
    public var database: String
    /// The new database, which passes every check.
    public var rescued: String
    public var tables: [Table]
    /// The number of rows that were found and belong to no table; they are in `lostAndFoundTable` of the new one.
    public var lostAndFound: Int64
    public var lostAndFoundTable: String?
    /// The things that could not be recreated, as clauses.
    public var notMade: [String]
    /// The id for `undo`, when the new database has replaced the damaged one.
    public var undo: String?
    /// Notes for the user: the processes that `--force` has overridden.
    public var notes: [String] = []
    public var durationSeconds: Double

    public struct Table: Encodable, Hashable, Sendable {
        public var table: String
        /// The number of rows that could be read of the damaged one; nil where that could not be determined either.
        public var rowsBefore: Int64?
        /// True when reading the damaged one ended at a bad page.
        public var isCut: Bool
        /// Nil when the table is not in the new one.
        public var rowsAfter: Int64?
        /// The number of its pages that make no sense; nil when no page was known as the table's.
        public var pagesLost: Int64?
        /// The rows that the newest good backup has; nil without one.
        public var rowsInBackup: Int64?
        /// An estimate: rows on readable pages that make no sense, and for each lost page as many as another page holds; or
        /// the rows that the backup has more, if those are more. Nil where the table's first page is lost, so that nobody
        /// knows how many pages it had, and there is no backup either.
        public var rowsLost: Int64?
    }

    public var totalRowsLost: Int64 { tables.total { $0.rowsLost ?? 0 } }
}

/// Reads the remaining rows of a damaged database into a new file, page by page. Replaces the damaged one only on request.
public struct RescueDatabase: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Rescues the database. Call it under the instance's lock.
    ///
    /// - Parameters:
    ///   - accept: True to replace the damaged database with the new one. `undo` restores the damaged one.
    ///   - force: True to rescue it although other processes use it.
    ///   - dryRun: True to read and count like a rescue, and leave nothing behind.
    public func run(
        _ target: DatabaseTarget, accept: Bool = false, force: Bool = false, dryRun: Bool = false
    ) async throws -> RescueReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let path = try target.path()
        if case .instance(let instance, _) = target {
            let state = try await site.runtime(instance).state()
            guard !state.mayWrite else {
                throw Failure(
                    .busy, "\(target.name) is running, and its database is damaged",
                    cause: "what it writes now makes it worse",
                    remedy: "kecsctl stop \(instance.name) --no-backup")
            }
        }
        var name: String?
        var inBackup: [String: Int64] = [:]
        if case .instance(let instance, _) = target {
            let inventory = try await site.inventory(of: instance)
            let found = inventory.databases.first { $0.file?.resolved() == path.resolved() }
            if let found {
                let baseline = try instance.backups.judged().baseline(of: instance.config.id)
                let records = baseline.parts[found.part]?.record.databases ?? []
                inBackup = records.first { $0.path == printable(found.path) }?.tables ?? [:]
            }
            name = accept ? try await replaceable(found, path, instance, inventory, force: force) : nil
        }
        let stamp = clock.now().compact
        let rescued = path.beside(".rescued-\(stamp).sqlite")
        // Not next to the database: the owner of that folder could put another file there for `sqlite3` to open.
        let scratch = try workplace(target).makePrivateFolder()
        defer { scratch.discardQuietly() }
        try checkRoom(path, target)
        let copy = try copyOf(path, in: scratch)

        let made = scratch.appending("rescued.sqlite")
        let unmerged = try bringInLog(of: copy)
        let salvaged = try salvageSQLite(
            copy, into: made, cancellation: site.machine.cancellation, progress: site.machine.progress)
        let before = try countReadable(copy)
        let rows = try finished(made)
        if !dryRun { try deliver(made, as: rescued) }
        var report = RescueReport(
            outcome: dryRun ? .planned : .done, database: path.string, rescued: rescued.string, tables: [],
            lostAndFound: salvaged.lostAndFound,
            lostAndFoundTable: salvaged.lostAndFoundTable, notMade: salvaged.notMade,
            durationSeconds: 0)
        report.notes += [unmerged].compactMap(\.self)
        for name in Set(before.keys).union(rows.keys).sorted() where name != report.lostAndFoundTable {
            let salvage = salvaged.tables[name]
            report.tables.append(
                RescueReport.Table(
                    table: name, rowsBefore: before[name]?.rows, isCut: before[name]?.isCut ?? false,
                    rowsAfter: rows[name], pagesLost: salvage?.pagesLost, rowsInBackup: inBackup[name],
                    rowsLost: salvage.flatMap {
                        Self.rowsLost($0, rowsAfter: rows[name] ?? 0, inBackup: inBackup[name])
                    }))
        }
        if accept, !dryRun, case .instance(let instance, _) = target {
            var request = RestoreRequest(from: .file(rescued), force: force)
            request.database = name
            let restored = try await RestoreBackup(site: site).run(instance, request)
            report.undo = restored.undo
            report.notes += restored.notes
        }
        report.durationSeconds = (clock.elapsed() - began).inSeconds
        return report
    }

    static func rowsLost(_ table: SalvagedRows.Table, rowsAfter: Int64, inBackup: Int64?) -> Int64? {
        guard table.pagesLost > 0 else { return table.rowsLost }
        let estimate = table.pages > 0 ? table.rowsLost + table.pagesLost * table.rows / table.pages : nil
        return [estimate, inBackup.map { max(0, $0 - rowsAfter) }].compactMap(\.self).max()
    }

    /// Returns the name of the database that the rescued one replaces, once nothing else uses it.
    private func replaceable(
        _ database: InventoryDatabase?, _ path: FilePath, _ instance: Instance, _ inventory: Inventory,
        force: Bool
    ) async throws -> String {
        guard let database else {
            throw Failure(
                .failed, "the rescued database of “\(instance.name)” cannot be put in place",
                cause: "\(path) is in none of its parts", remedy: "kecsctl inspect \(instance.name)")
        }
        let parts = inventory.parts.filter { $0.part.name == database.part }.map(\.part)
        _ = try await FindHolders(site: site).check(
            instance, parts, FindHolders.Demand(verb: "rescued", force: force))
        return database.name
    }

    private func finished(_ made: FilePath) throws -> [String: Int64] {
        let database = try SQLiteDatabase(made, .readWrite, cancellation: site.machine.cancellation)
        try database.execute("PRAGMA journal_mode = DELETE")
        return try database.tableRowCounts()
    }

    /// Delivers the new database into a folder that may be another user's: as a new file that gets its name when it is
    /// complete.
    private func deliver(_ made: FilePath, as rescued: FilePath) throws {
        let draft = rescued.draftBeside()
        do {
            try made.copyContents(to: draft) { try site.machine.cancellation.check() }
            try draft.sync()
            try draft.renameWithoutReplacing(to: rescued)
            try rescued.removingLastComponent().sync()
        } catch {
            if try draft.isPresent { try draft.remove() }
            throw error
        }
    }

    private func workplace(_ target: DatabaseTarget) -> FilePath {
        if case .instance(let instance, _) = target { return instance.folder.path }
        return site.machine.environment["TMPDIR"].flatMap { $0.isEmpty ? nil : FilePath($0) } ?? "/var/tmp"
    }

    /// Checks the space for the copy and the new database.
    private func checkRoom(_ path: FilePath, _ target: DatabaseTarget) throws {
        let needed = ByteCount((try FileStatus.of(path)?.size ?? 0) * 4)
        let free = try site.machine.freeSpace(path)
        guard needed <= free else {
            throw Failure(
                .noRoom, "not enough free space to rescue the database of \(target.name)",
                cause: "\(free) are free in \(path.removingLastComponent()) and about \(needed) are needed",
                remedy: "kecsctl backups prune --all --dry-run")
        }
    }

    /// Copies the file with its sidecars, byte for byte: a damaged one cannot be copied page by page.
    private func copyOf(_ path: FilePath, in scratch: FilePath) throws -> FilePath {
        try refuseForeignJournal(of: path)
        let copy = scratch.appending("damaged.sqlite")
        for suffix in ["", "-wal", "-journal"] {
            let file = path.beside(suffix)
            guard try file.isPresent else { continue }
            try file.copyContents(to: copy.beside(suffix)) {
                try site.machine.cancellation.check()
            }
        }
        return copy
    }

    /// Merges the log into the copy: the pages are read from the file alone.
    ///
    /// - Returns: A sentence for the user when SQLite cannot merge a log that is there: what only it held is lost.
    private func bringInLog(of copy: FilePath) throws -> String? {
        let cancellation = site.machine.cancellation
        guard let log = try FileStatus.of(copy.beside("-wal")), log.size > 0 else { return nil }
        do {
            let database = try SQLiteDatabase(copy, .readWrite, cancellation: cancellation)
            try database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return nil
        } catch let error as SQLiteError {
            try cancellation.check()
            return
                "the write-ahead log (\(ByteCount(log.size))) could not be merged, so that changes which only it held "
                + "are not rescued: \(error.message)"
        }
    }

    /// Counts the readable rows of each table.
    private func countReadable(_ copy: FilePath) throws -> [String: (rows: Int64?, isCut: Bool)] {
        let cancellation = site.machine.cancellation
        var counts: [String: (rows: Int64?, isCut: Bool)] = [:]
        let database: SQLiteDatabase
        let names: [SQLiteRow]
        do {
            database = try SQLiteDatabase(copy, .readWrite, cancellation: cancellation)
            names = try database.query("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")
        } catch is SQLiteError {
            // A count that cannot be determined for a damaged file is left open in the table. It is no reason to fail.
            try cancellation.check()
            return counts
        }
        for name in names.compactMap({ $0[0].text }) where !name.hasPrefix("sqlite_") {
            var rows: Int64 = 0
            do {
                try database.prepare("SELECT 1 FROM main.\(sqlIdentifier(name)) NOT INDEXED").run { _ in
                    rows += 1
                }
                counts[name] = (rows, false)
            } catch let error as Interrupted { throw error } catch {
                counts[name] = (rows > 0 ? rows : nil, true)
            }
        }
        return counts
    }
}
