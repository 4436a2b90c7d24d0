// SPDX-License-Identifier: Apache-2.0
public import KecsArchive
import KecsBackups
import KecsSQLite
import KecsState
import KecsSystem
import SystemPackage

/// The options of `migrate import`.
public struct ImportRequest: Sendable {
    public var source: StatePlace
    public var owners: OwnerMapping
    public var start: Bool
    public var force: Bool
    public var dryRun: Bool
    /// The part that a folder or an archive is; nil to determine it by content.
    public var parts: [String]?
    /// `PART/PATH`: the database that a single database replaces; nil for the one that the server uses.
    public var database: String?

    public init(
        source: StatePlace, owners: OwnerMapping = .asRecorded, start: Bool = true, force: Bool = false,
        dryRun: Bool = false, parts: [String]? = nil, database: String? = nil
    ) {
        self.parts = parts
        self.database = database
        self.source = source
        self.owners = owners
        self.start = start
        self.force = force
        self.dryRun = dryRun
    }
}

/// The result of `migrate import`.
public struct ImportReport: OperationReport {
    public static let kind = "ImportReport"
    public var outcome: Outcome
    public var from: String
    /// "directory", "duckdb", "volume" or "file".
    public var form: String
    public var backup: String?
    /// The imported tables of another engine's database.
    public var tables: [ImportedTable]
    /// The digest of the source, which equals that of the content unpacked for the instance; otherwise nothing would
    /// have been imported. Nil for a file that the restore has verified on its own.
    public var digest: String?
    public var undo: String?
    public var notes: [String]
    public var durationSeconds: Double
}

/// Brings a state from elsewhere into an instance. The source is only read. The earlier state is kept for `undo`.
public struct ImportState: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Makes the instance when it does not exist, once the source has been seen.
    public func makeInstance(_ name: InstanceName, for source: StatePlace, lock: LockRequest) async throws {
        switch source {
        case .path(let path):
            try await RebuildInstance(site: site).run(name, .file(path), runtime: nil, lock: lock)
        case .volume(let volume):
            guard try !site.home.folder(of: name).path.isFolder else { return }
            var config = InstanceConfig(
                name: name, id: "", createdAt: site.machine.clock.now(), runtime: .ofVolumes)
            try config.fixPlace(site.machine.environment)
            // It throws when there is no such volume.
            _ = try await site.runtime(try site.instance(name, config: config)).volumeAccess.folder(
                ofVolume: volume)
            try await RebuildInstance(site: site).run(name, nil, runtime: nil, lock: lock)
        }
    }

    /// Returns the instance that `makeInstance` would make; nil when it exists.
    public func plannedInstance(_ name: InstanceName, for source: StatePlace) async throws -> Instance? {
        switch source {
        case .path(let path):
            return try await RebuildInstance(site: site).planned(name, .file(path), runtime: nil)
        case .volume(let volume):
            guard try !site.home.folder(of: name).path.isFolder else { return nil }
            let config = InstanceConfig(
                name: name, id: "", createdAt: site.machine.clock.now(), runtime: .ofVolumes)
            let instance = try site.instance(name, config: config)
            _ = try await site.runtime(instance).volumeAccess.folder(ofVolume: volume)
            return instance
        }
    }

    /// Imports the state. Call it under the instance's lock.
    public func run(_ instance: Instance, _ request: ImportRequest) async throws -> ImportReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        var report = ImportReport(
            outcome: .planned, from: request.source.description, form: "file", tables: [], notes: [],
            durationSeconds: 0)
        // In the instance's folder, named like a draft: a killed import leaves nothing that the next run does not
        // sweep.
        let missing = try MissingFolders(upTo: instance.backups.folder)
        let scratch = try BackupDraft(in: instance.backups, reason: .imported, at: clock.now()).folder
        defer {
            scratch.discardQuietly()
            if request.dryRun { missing.remove() }
        }
        let found: RecognisedSource
        switch request.source {
        case .volume(let volume):
            report.form = "volume"
            let access = try volumes(of: instance, site)
            if let folder = try await access.folder(ofVolume: volume) {
                found = .tree(folder)
            } else {
                let archive = scratch.appending("volume.tar")
                try await access.copyVolume(volume, to: archive, limit: .seconds(3600))
                found = .restorable(archive)
            }
        case .path(let path): found = try RecognisedSource(path, site.machine.cancellation)
        }
        let file: FilePath
        var read: ReadTree?
        switch found {
        case .restorable(let path): file = path
        case .duckdb(let path):
            report.form = "duckdb"
            file = scratch.appending(InstanceFolder.databaseName)
            let converted = try await ConvertDuckDB(site: site).run(
                path, to: file, scratch: scratch, force: request.force)
            report.tables = converted.tables
            report.notes += converted.notes
        case .tree(let root):
            if report.form != "volume" { report.form = "directory" }
            (file, read) = try await archive(root, in: scratch, request, &report)
        }
        if request.dryRun {
            // What the restore would refuse is refused here too.
            var restore = RestoreRequest(
                from: .file(file), parts: request.parts, owners: request.owners, start: request.start,
                force: request.force, dryRun: true)
            restore.database = request.database
            restore.keepsTop = read != nil
            restore.changesEngine = report.form == "duckdb"
            _ = try await RestoreBackup(site: site).run(instance, restore)
            report.durationSeconds = (clock.elapsed() - began).inSeconds
            return report
        }
        // Before the backup, which a refusal would leave behind.
        let holders = FindHolders(site: site)
        _ = try await holders.check(
            instance, try await holders.parts(of: instance),
            FindHolders.Demand(verb: "imported into", force: request.force))
        if try await hasState(instance) {
            report.backup = try await TakeBackup(site: site).run(
                instance, BackupRequest(reason: .beforeMigration, prune: false, force: request.force)
            ).backup?.id.description
        }
        var restore = RestoreRequest(
            from: .file(file), parts: request.parts, owners: request.owners, start: request.start,
            force: request.force)
        restore.database = request.database
        // Imported data comes from elsewhere, as requested.
        restore.acceptsStrangers = true
        restore.keepsTop = read != nil
        restore.changesEngine = report.form == "duckdb"
        if let read { restore.verify = { part, staged in try read.compare(part, staged) } }
        let restored = try await RestoreBackup(site: site).run(instance, restore)
        report.undo = restored.undo
        report.notes += restored.notes
        report.digest = read?.digest
        try await adviseMigration(site.instance(instance.name), &report)
        report.outcome = restored.outcome
        report.durationSeconds = (clock.elapsed() - began).inSeconds
        return report
    }

    /// Makes a tar of the tree with its databases captured. A DuckDB database in it is converted on the way.
    private func archive(
        _ root: FilePath, in scratch: FilePath, _ request: ImportRequest, _ report: inout ImportReport
    ) async throws -> (FilePath, ReadTree) {
        var captured = try CapturedTree(root, scratch: scratch, isRunning: false, site.machine.cancellation)
        let isInstance =
            try root.appending(InstanceFolder.dataName).isFolder && !captured.databases.isEmpty
            && captured.databases.allSatisfy {
                $0.path.starts(with: Array("\(InstanceFolder.dataName)/".utf8))
            }
        let foreign = captured.databases.filter { $0.engine == .duckdb }
        var leftOut = captured.source.leftOut
        for database in foreign {
            leftOut.formUnion([database.path, database.path + Array(".wal".utf8)])
        }
        let read = try ReadTree(
            root: root, isInstance: isInstance, leftOut: leftOut,
            // Without root the owners are those of this user.
            owners: request.owners == .asRecorded && Machine.userID == 0,
            cancellation: site.machine.cancellation)
        for (index, database) in foreign.enumerated() {
            let converted = scratch.appending("converted-\(index).db")
            let work = scratch.appending("duckdb-\(index)")
            try work.createFolder()
            let result = try await ConvertDuckDB(site: site).run(
                root.appending(bytes: database.path), to: converted, scratch: work, force: request.force)
            report.tables += result.tables
            report.notes += result.notes
            let single = scratch.appending("single-\(index).db")
            _ = try captureSQLite(converted, to: single, cancellation: site.machine.cancellation)
            captured.source.substitutes[database.path] = single
            captured.source.leftOut.insert(database.path + Array(".wal".utf8))
        }
        let file = scratch.appending("tree.tar")
        _ = try writeArchive(
            of: captured.source, to: file, compression: .none, threads: site.threads,
            cancellation: site.machine.cancellation, progress: site.machine.progress)
        return (file, read)
    }

    private func hasState(_ instance: Instance) async throws -> Bool {
        try await site.inventory(of: instance, databases: .none).parts.contains { part in
            if case .entries = part.part.place { return false }
            return part.presence != .missing && part.presence != .empty
        }
    }

    private func adviseMigration(_ instance: Instance, _ report: inout ImportReport) async throws {
        guard case .found(let primary, _) = try await site.inventory(of: instance).primary,
            primary.engine == .sqlite, let file = primary.file
        else { return }
        let database = try SQLiteDatabase.reading(file, cancellation: site.machine.cancellation)
        guard try SchemaShape(database).isState else { return }
        do {
            let status = try UpstreamHistory.status(of: database)
            if !status.plan.isUpToDate {
                report.notes.append(
                    "its schema is of \(status.plan.current ?? 0): “kecsctl migrate schema \(instance.name)” brings it up to date"
                )
            }
        } catch let problem as MigrationProblem {
            report.notes.append(problem.why)
        }
    }
}
