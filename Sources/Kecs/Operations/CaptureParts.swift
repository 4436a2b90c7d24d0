// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import Synchronization
import SystemPackage

/// Brings the bytes of the parts into a draft, each read back before it counts.
struct CaptureParts: Sendable {
    var site: Site
    let instance: Instance
    let runtime: any Runtime
    let draft: BackupDraft

    /// At most so many parts at once: while one checks a database on one processor, the other compresses.
    private static let atOnce = 2

    /// - Returns: The manifest's records in the order of `plans`, and how long the instance was frozen or stopped.
    func run(
        _ plans: [PartPlan], _ volumes: [Part], consistency: Consistency, wasRunning: Bool
    ) async throws -> (parts: [Manifest.Part], pause: Duration) {
        let copies = CaptureVolumes(site: site, instance: instance, runtime: runtime, draft: draft)
        switch consistency {
        case .stopped where wasRunning:
            if let loss = try await runtime.lossWhenStopped() { throw loss }
            let clock = site.machine.clock
            let journal = Journal(
                operation: "backup", startedAt: clock.now(), runsAfterwards: true, mayBeStopped: true)
            try journal.write(to: instance.folder.journal)
            let began = clock.elapsed()
            let parts: [Manifest.Part]
            do {
                try await runtime.stop(limit: .seconds(60))
                for volume in volumes { try await copies.copy(volume, limit: CaptureVolumes.longest) }
                parts =
                    try await captureAll(plans, consistency: .stopped)
                    + volumes.map { try copies.record($0, .stopped) }
            } catch {
                throw await TakeBack(site: site, instance: instance).run(journal, restart: true, after: error)
            }
            // Not cancelled with the rest: who was running must run again.
            try await site.seenThrough { [instance] site in
                try await site.runtime(instance).start(limit: .seconds(120))
                try Journal.close(instance.folder.journal)
            }
            return (parts, clock.elapsed() - began)
        case .frozen where wasRunning:
            let (held, pause) = try await captureFrozen(plans, volumes, copies)
            let rest = plans.filter { plan in !held.contains { $0.name == plan.part.name } }
            let parts = try await captureAll(rest, consistency: .frozen) + held
            return (
                plans.compactMap { plan in parts.first { $0.name == plan.part.name } }
                    + (try volumes.map { try copies.record($0, .frozen) }), pause
            )
        default:
            if !volumes.isEmpty { try await copies.copyUnderJournal(volumes) }
            let parts = try await captureAll(plans, consistency: wasRunning ? .live : consistency)
            return (parts + (try volumes.map { try copies.record($0, .stopped) }), .zero)
        }
    }

    // MARK: One part

    private func captureAll(_ plans: [PartPlan], consistency: Consistency) async throws -> [Manifest.Part] {
        site.machine.progress.step(
            "reading \(plans.map(\.part.name).joined(separator: ", "))",
            total: plans.reduce(0) { $0 + $1.scan.bytes })
        return try await withThrowingTaskGroup(of: (Int, Manifest.Part).self) { group in
            var records: [Int: Manifest.Part] = [:]
            for (index, plan) in plans.enumerated() {
                if index >= Self.atOnce, let (done, record) = try await group.next() {
                    records[done] = record
                }
                group.addTask { (index, try capture(plan, consistency: consistency)) }
            }
            for try await (index, record) in group { records[index] = record }
            return plans.indices.compactMap { records[$0] }
        }
    }

    /// - Parameters:
    ///   - sqlite: Databases that have been copied already.
    ///   - tries: How often a database that appears while the part is read may still send it back to the start.
    func capture(
        _ plan: PartPlan, consistency: Consistency, sqlite: [[UInt8]: SQLiteCopy] = [:], tries: Int = 3
    ) throws -> Manifest.Part {
        if plan.isUnchanged, let last = plan.last {
            if let record = try link(last.part, from: last.backup, databases: last.part.databases) {
                site.machine.progress.advance(plan.scan.bytes)
                return record
            }
            // What only may be copied while it is frozen was not copied, because it is unchanged.
            guard consistency != .frozen || plan.opaqueDatabases.isEmpty else {
                throw Failure(
                    .damaged, "the archive of the last backup, which was to be used again, is damaged",
                    cause: "\(last.backup.folder.appending(last.part.file)) does not hold what was written",
                    remedy: "kecsctl backup \(instance.name)")
            }
        }
        let scratch = try draft.scratch(for: plan.part.name)
        var source = plan.source
        var databases: [Manifest.Database] = []
        for (index, database) in plan.scan.databases.enumerated() {
            switch database.engine {
            case .sqlite:
                let copy =
                    try sqlite[database.path]
                    ?? captureSQLite(database, of: plan, to: scratch.appending("\(index).0"))
                source.substitutes[database.path] = copy.file
                source.leaveOutSidecars(of: database)
                databases.append(copy.record)
            default:
                var file = source.root.appending(bytes: database.path)
                var sidecars = database.sidecars
                let copies = Self.copies(of: database, number: index, in: scratch)
                if let copy = copies.first?.copy, copy.isPresent {
                    file = copy
                    sidecars = []
                    for (path, copy) in copies {
                        if copy.isPresent {
                            source.substitutes[path] = copy
                        } else {
                            source.leftOut.insert(path)
                        }
                        if copy.isPresent, path != database.path { sidecars.append(path) }
                    }
                }
                let facts = try digest(of: file, cancellation: site.machine.cancellation)
                databases.append(
                    Manifest.Database(
                        path: printable(database.path), engine: database.engine, bytes: facts.bytes,
                        pages: nil,
                        tables: nil, sha256: facts.sha256, userVersion: nil,
                        identity: plan.settledIdentity(of: database),
                        sidecars: sidecars.map { printable($0) }))
            }
        }
        // Second chance: written to, but with the same content as before.
        if let last = plan.last, !last.part.fingerprint.isEmpty,
            last.part.fingerprint == plan.scan.fingerprint,
            last.part.databases.map(\.content) == databases.map(\.content),
            // What is in a write-ahead log beside, the digest of the database does not tell.
            databases.allSatisfy({ $0.sidecars.isEmpty }),
            let record = try link(last.part, from: last.backup, databases: databases)
        {
            try draft.dropScratch(for: plan.part.name)
            site.machine.progress.advance(plan.scan.bytes)
            return record
        }
        do {
            let record = try archive(plan, source: source, databases: databases, consistency: consistency)
            try draft.dropScratch(for: plan.part.name)
            return record
        } catch is NewDatabase where tries > 0 && consistency != .frozen {
            // It came to be after the part was looked at, and was read like any file: once more, with it known.
            try draft.dropScratch(for: plan.part.name)
            let again = try PartPlan(
                plan.part, of: instance, last: plan.last?.backup, cancellation: site.machine.cancellation)
            guard consistency != .live || again.opaqueDatabases.count <= plan.opaqueDatabases.count else {
                throw Failure(
                    .busy, "a database appeared in “\(instance.name)” while it was being read",
                    cause:
                        "\(again.opaqueDatabases.joined(separator: ", ")) can only be copied while nobody writes",
                    remedy: "kecsctl backup \(instance.name)")
            }
            return try capture(again, consistency: consistency, tries: tries - 1)
        }
    }

    /// Copies a database while it is in use.
    func captureSQLite(
        _ database: TreeScan.Database, of plan: PartPlan, to copy: FilePath
    ) throws -> SQLiteCopy {
        // From before the copy: what is written meanwhile must not look like what was copied.
        let identity = plan.settledIdentity(of: database)
        let facts = try KecsStorage.captureSQLite(
            plan.source.root.appending(bytes: database.path), to: copy,
            cancellation: site.machine.cancellation
        )
        return SQLiteCopy(
            file: copy,
            record: Manifest.Database(
                path: printable(database.path), engine: .sqlite, bytes: facts.bytes, pages: facts.pages,
                tables: facts.tables, sha256: facts.sha256, userVersion: facts.userVersion,
                identity: identity,
                sidecars: []))
    }

    /// A database was archived as plain files, which a live one never may be.
    private struct NewDatabase: Error, CustomStringConvertible {
        let path: String
        var description: String { "the database \(path) appeared while its folder was being read" }
    }

    private func archive(
        _ plan: PartPlan, source: TreeSource, databases: [Manifest.Database], consistency: Consistency
    ) throws -> Manifest.Part {
        let compression = Compression(rawValue: try instance.settings.text(.compression) ?? "") ?? .fast
        let name = plan.part.name + (compression == .none ? ".tar" : ".tar.gz")
        let file = draft.folder.appending(name)
        let summary = try writeArchive(
            of: source, to: file, compression: compression, threads: site.threads,
            cancellation: site.machine.cancellation, progress: site.machine.progress)
        if let gone = summary.vanished.first(where: { source.substitutes[$0] != nil }) {
            throw Failure(
                .failed, "a database of “\(instance.name)” changed its files while it was being archived",
                cause: "\(source.root.appending(bytes: gone)) was copied and is gone now",
                remedy: "kecsctl backup \(instance.name) --consistency stopped")
        }
        let known = Set(plan.scan.databases.map(\.path))
        let knownFolders = Set(plan.scan.databaseFolders.map(\.path))
        let new =
            summary.databases.first { !known.contains($0) }
            ?? summary.databaseFolders.map(\.path).first { !knownFolders.contains($0) }
        if let new {
            try file.remove()
            throw NewDatabase(path: printable(new))
        }
        // Read back: what is on the disk is what was hashed, and it unpacks.
        let check = try checkArchive(
            file, compression: compression, threads: site.threads, cancellation: site.machine.cancellation,
            progress: SilentProgress())
        guard check.sha256 == summary.sha256, check.entries == summary.entries,
            check.sourceBytes == summary.sourceBytes, check.bytes == summary.bytes
        else {
            throw Failure(
                .damaged,
                "the archive of “\(instance.name)/\(plan.part.name)” was not read back as it was written",
                cause: "\(file) has the SHA-256 \(check.sha256) instead of \(summary.sha256)",
                remedy: "kecsctl doctor \(instance.name)")
        }
        let warnings =
            summary.special.map { "left out, not a file, folder or link: \(printable($0))" }
            + summary.vanished.map { "gone while it was being read: \(printable($0))" }
            + summary.changed.map { "changed every time it was read: \(printable($0))" }
        return Manifest.Part(
            name: plan.part.name, file: name, root: plan.root, compression: compression, bytes: summary.bytes,
            sourceBytes: summary.sourceBytes, entries: summary.entries, sha256: summary.sha256,
            consistency: !plan.opaqueDatabases.isEmpty || consistency == .stopped
                ? consistency : .live,
            fingerprint: isSettled(plan) ? summary.fingerprint : "", databases: databases, warnings: warnings)
    }

    /// Whether the tree's last change lies so far back that another one could not carry the same time stamp.
    private func isSettled(_ plan: PartPlan) -> Bool {
        site.machine.clock.now().since(plan.scan.newest) > .seconds(2)
    }

    private static let marking = Mutex(())

    /// Takes the last backup's archive over, after reading it: a link to rotten bytes is no backup.
    ///
    /// - Returns: Nil when it is rotten: then the part is archived anew, and the old backup is marked as damaged.
    private func link(
        _ part: Manifest.Part, from backup: StoredBackup, databases: [Manifest.Database]
    ) throws -> Manifest.Part? {
        try draft.link(part, from: backup)
        let now = try digest(of: draft.folder.appending(part.file), cancellation: site.machine.cancellation)
        guard now.sha256 == part.sha256 else {
            try draft.folder.appending(part.file).remove()
            // Several parts are captured at once.
            try Self.marking.withLock { _ in
                try instance.backups.mark(backup.id) {
                    $0.verification = BackupMark.Verification(
                        at: site.machine.clock.now(), damagedFile: part.file,
                        why: "its SHA-256 is \(now.sha256) instead of \(part.sha256)")
                }
            }
            return nil
        }
        var record = part
        record.databases = databases
        return record
    }
}

extension Manifest.Database {
    /// What makes two captures equal: everything but when the source files were written.
    fileprivate var content: [String] { [path, engine.rawValue, sha256, "\(bytes)"] + sidecars }
}
