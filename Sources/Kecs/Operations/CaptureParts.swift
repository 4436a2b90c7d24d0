// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSQLite
import KecsSystem
import Synchronization
import SystemPackage

/// Captures the bytes of the parts into a draft. Each archive is read back before it counts.
struct CaptureParts: Sendable {
    var site: Site
    let instance: Instance
    let runtime: any Runtime
    let draft: BackupDraft
    let look: LookAtParts
    let freezing: Freezing
    /// Files that may be torn without harm, matched below the part's root.
    let ignoreChanging: [Glob]

    /// The things for which a running instance is frozen.
    enum Freezing: Sendable {
        /// Freezes for databases that can only be copied while no process writes, and for files that were torn at every
        /// reading.
        case whereNeeded
        /// Freezes only for those databases: the user asked for `live`.
        case databasesOnly
        /// Freezes for everything: the user asked for `frozen`.
        case everything
    }

    /// The number of parts that are captured at once: while one checks a database on one processor, the other
    /// compresses.
    private static let atOnce = 2

    struct Captured {
        /// The manifest's records in the order of the plans.
        var parts: [Manifest.Part]
        /// The time for which the instance was frozen or stopped.
        var pause: Duration
        /// The reason why an instance that was stopped for the backup does not run again.
        var startFailure: Failure?
    }

    func run(
        _ plans: [PartPlan], _ volumes: [Part], consistency: Consistency, wasRunning: Bool
    ) async throws -> Captured {
        let copies = CaptureVolumes(site: site, instance: instance, runtime: runtime, draft: draft)
        switch consistency {
        case .stopped where wasRunning:
            if let loss = try await runtime.engine.lossWhenStopped() { throw loss }
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
            // The capture counts, whether the server comes up or not.
            let failure = try await site.startAgain(instance, after: journal)
            return Captured(parts: parts, pause: clock.elapsed() - began, startFailure: failure)
        case .frozen where wasRunning:
            let (held, pause) = try await captureFrozen(plans, volumes, copies)
            let rest = plans.filter { plan in !held.contains { $0.name == plan.part.name } }
            let captured = try await captureAll(rest, consistency: .frozen) + held
            let (parts, more) = try await captureTornAgain(
                plans, plans.compactMap { plan in captured.first { $0.name == plan.part.name } })
            return Captured(
                parts: parts + (try volumes.map { try copies.record($0, .frozen) }), pause: pause + more)
        default:
            if !volumes.isEmpty { try await copies.copyUnderJournal(volumes) }
            let captured = try await captureAll(plans, consistency: wasRunning ? .live : consistency)
            let (parts, pause) =
                wasRunning ? try await captureTornAgain(plans, captured) : (captured, Duration.zero)
            return Captured(
                parts: parts + (try volumes.map { try copies.record($0, .stopped) }), pause: pause)
        }
    }

    // MARK: One part

    private func captureAll(_ plans: [PartPlan], consistency: Consistency) async throws -> [Manifest.Part] {
        site.machine.progress.step(
            "reading \(plans.map(\.part.name).joined(separator: ", "))",
            total: plans.total(\.scan.bytes))
        return try await withThrowingTaskGroup(of: (Int, Manifest.Part).self) { group in
            var records: [Int: Manifest.Part] = [:]
            for (index, plan) in plans.enumerated() {
                if index >= Self.atOnce, let (done, record) = try await group.next() {
                    records[done] = record
                }
                // A part that needs no freezing was read while the instance ran, whatever the others needed.
                let own = consistency == .frozen && plan.opaqueDatabases.isEmpty ? .live : consistency
                group.addTask { (index, try capture(plan, consistency: own)) }
            }
            for try await (index, record) in group { records[index] = record }
            return plans.indices.compactMap { records[$0] }
        }
    }

    /// - Parameters:
    ///   - sqlite: The databases that have been copied already.
    ///   - isHeld: True when nothing of the instance can write while this runs.
    ///   - tries: The number of times that a database that appears during the reading may still restart the capture.
    ///   - mayHold: True to archive databases where they lie, if nobody can write them meanwhile.
    func capture(
        _ plan: PartPlan, consistency: Consistency, sqlite: [[UInt8]: SQLiteCopy] = [:],
        isHeld: Bool = false, tries: Int = 3, mayHold: Bool = true
    ) throws -> Manifest.Part {
        if plan.isUnchanged, let last = plan.last {
            if var record = try link(last.part, from: last.backup, databases: last.part.databases) {
                record.excluded = plan.excluded
                site.machine.progress.advance(plan.scan.bytes)
                return record
            }
            // The part is unchanged, so that the databases that can only be copied while frozen were not copied.
            guard consistency != .frozen || plan.opaqueDatabases.isEmpty else {
                throw Failure(
                    .damaged, "the archive of the last backup, which was to be used again, is damaged",
                    cause: "\(last.backup.folder.appending(last.part.file)) does not hold what was written",
                    remedy: "kecsctl backup \(instance.name)")
            }
        }
        do {
            let record = try captureChanged(
                plan, consistency: consistency, sqlite: sqlite, isHeld: isHeld,
                // A server's checkpoints would wait for as long as the part takes.
                mayHold: mayHold && !isHeld && !look.isRunning)
            try draft.dropScratch(for: plan.part.name)
            return record
        } catch is TouchedDatabase where mayHold {
            try draft.dropScratch(for: plan.part.name)
            for file in try draft.folder.entries()
            where file.string == plan.part.name || file.string.hasPrefix("\(plan.part.name).tar") {
                try draft.folder.appending(file).removeTree()
            }
            return try capture(
                look.again(plan), consistency: consistency, sqlite: sqlite, isHeld: isHeld, tries: tries,
                mayHold: false)
        } catch is NewDatabase where tries > 0 && consistency != .frozen {
            // The database appeared after the look at the part, and was read like any file. The capture starts again
            // and knows it now.
            try draft.dropScratch(for: plan.part.name)
            let again = try look.again(plan)
            guard consistency != .live || again.opaqueDatabases.count <= plan.opaqueDatabases.count else {
                throw Failure(
                    .busy, "a database appeared in “\(instance.name)” while it was being read",
                    cause:
                        "\(again.opaqueDatabases.joined(separator: ", ")) can only be copied while nobody writes",
                    remedy: "kecsctl backup \(instance.name)")
            }
            return try capture(again, consistency: consistency, tries: tries - 1, mayHold: mayHold)
        }
    }

    private func captureChanged(
        _ plan: PartPlan, consistency: Consistency, sqlite: [[UInt8]: SQLiteCopy], isHeld: Bool,
        mayHold: Bool
    ) throws -> Manifest.Part {
        var captured = try captureDatabases(
            of: plan, sqlite, to: draft.scratch(for: plan.part.name), mayHold: mayHold)
        defer { captured.release() }
        // Second chance: the part was written to, but its content may be the same as before.
        let last = plan.last.flatMap {
            plan.isLike($0.part) && (plan.holdsOnlyDatabases || !plan.mayBeWritten) ? $0 : nil
        }
        if plan.isSegmented || last != nil { try captured.digest(site.machine.cancellation) }
        if let last, last.part.databases.map(\.content) == captured.records.map(\.content),
            // The digest of a database does not cover its write-ahead log.
            captured.records.allSatisfy({ $0.sidecars.isEmpty }),
            var record = try link(
                last.part, from: last.backup, databases: checked(captured, of: plan))
        {
            if isHeld { record.consistency = .frozen }
            record.excluded = plan.excluded
            site.machine.progress.advance(plan.scan.bytes)
            return record
        }
        return try archiveAndCheck(plan, captured, consistency: consistency, isHeld: isHeld)
    }

    static let marking = Mutex(())

    /// Takes over the archive of the last backup: after reading it, when its last reading is older than the setting
    /// `verifyAge` or its file was written since.
    ///
    /// - Returns: Nil when the part is to be archived again: the archive is rotten, and its backup is marked as damaged;
    ///   or it cannot be linked, because it is another user's, has too many names, or lies on another file system.
    private func link(
        _ part: Manifest.Part, from backup: StoredBackup, databases: [Manifest.Database]
    ) throws -> Manifest.Part? {
        if part.isSegmented { return try linkSegments(part, from: backup, databases: databases) }
        do {
            try draft.link(part, from: backup)
        } catch let error as FileError where error.isNoLink {
            return nil
        }
        var record = part
        record.databases = databases
        if try isBelieved(part) { return record }
        let now = try digest(of: draft.folder.appending(part.file), cancellation: site.machine.cancellation)
        guard now.sha256 == part.sha256 else {
            try draft.folder.appending(part.file).remove()
            try mark(backup, damaged: part.file, "its SHA-256 is \(now.sha256) instead of \(part.sha256)")
            return nil
        }
        record.lastRead = nil
        return record
    }

    /// Whether the linked archive was read and found good a short time ago, and not written since.
    private func isBelieved(_ part: Manifest.Part) throws -> Bool {
        let file = draft.folder.appending(part.file)
        // Rot that a verification found under another name of the file counts here, too.
        guard let last = part.lastRead, let age = try instance.settings.duration(.verifyAge),
            let status = try FileStatus.of(file), try !look.rotten.contains(file)
        else { return false }
        let since = site.machine.clock.now().seconds - last.at.seconds
        return since >= 0 && since < age.seconds && status.size == part.bytes
            && ExactMoment(status.modified) == last.modified
    }

    /// Notes on the backup that an archive of it is rotten.
    func mark(_ backup: StoredBackup, damaged file: String, _ why: String) throws {
        // Several parts are captured at once.
        try Self.marking.withLock { _ in
            try instance.backups.mark(backup.id) {
                $0.verification = BackupMark.Verification(
                    at: site.machine.clock.now(), damagedFile: file, why: why)
            }
        }
    }
}

extension Manifest.Database {
    /// The values that are equal when two captures are equal: everything but the times at which the source files were
    /// written.
    fileprivate var content: [String] { [path, engine.rawValue, sha256, "\(bytes)"] + sidecars }
}
