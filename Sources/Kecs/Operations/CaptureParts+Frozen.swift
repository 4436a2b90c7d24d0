// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// The capture of databases and volumes that can only be read while no process writes to them: they are read while the
/// instance is frozen.
extension CaptureParts {
    /// Copies every database file that is not SQLite, with its sidecars, into the draft's scratch folder, and volumes
    /// that only the runtime can reach as a whole. A part with a database that is a folder is archived while nothing
    /// can write: any file of the folder can belong to it, whether it exists or not.
    ///
    /// - Returns: The records of the archived parts, and the time for which the instance was frozen.
    func captureFrozen(
        _ plans: [PartPlan], _ volumes: [Part], _ copies: CaptureVolumes
    ) async throws -> (parts: [Manifest.Part], pause: Duration) {
        let freezesAll = freezing == .everything
        let opaque = plans.filter { !$0.isUnchanged && (freezesAll || !$0.opaqueDatabases.isEmpty) }
        guard !opaque.isEmpty || !volumes.isEmpty else { return ([], .zero) }
        let held = try opaque.filter { freezesAll || !$0.scan.databaseFolders.isEmpty }
            .map { ($0, try captureSQLite(of: $0)) }
        let limit = try instance.settings.duration(.maxPause)?.duration ?? .seconds(10)
        let clock = site.machine.clock
        // A first copy that is made during writes is not consistent, but most of its pages are right already. While
        // frozen, only the others are written, and no device is waited for.
        for (path, copy) in try frozenFiles(of: opaque) {
            do {
                try path.copyContents(to: copy) { try site.machine.cancellation.check() }
                try copy.sync()
            } catch let error as FileError where error.errno == .noSuchFileOrDirectory {
                // The write-ahead log does not exist now.
            }
        }
        let journal = Journal(
            operation: "backup", startedAt: clock.now(), runsAfterwards: true, mayBeFrozen: true)
        try journal.write(to: instance.folder.journal)
        do {
            let captured = try await captureHeld(held, opaque, volumes, copies, limit)
            try Journal.close(instance.folder.journal)
            return captured
        } catch {
            throw await TakeBack(site: site, instance: instance).run(journal, restart: false, after: error)
        }
    }

    private func captureHeld(
        _ held: [(PartPlan, [[UInt8]: SQLiteCopy])], _ opaque: [PartPlan], _ volumes: [Part],
        _ copies: CaptureVolumes, _ limit: Duration
    ) async throws -> (parts: [Manifest.Part], pause: Duration) {
        let clock = site.machine.clock
        var began = clock.elapsed()
        let parts = try await runtime.whileFrozen {
            let start = clock.elapsed()
            began = start
            for volume in volumes { try await copies.copy(volume, limit: limit - (clock.elapsed() - start)) }
            for (source, copy) in try frozenFiles(of: opaque) {
                func check() throws {
                    try site.machine.cancellation.check()
                    guard clock.elapsed() - start < limit else { throw tooLong(limit, "copying \(source)") }
                }
                if try !source.isPresent {
                    if try copy.isPresent { try copy.remove() }
                } else if try copy.isPresent {
                    try source.updateCopy(copy, check: check)
                } else {
                    try source.copyContents(to: copy, check: check)
                }
            }
            var limited = self
            limited.site.machine.cancellation = Cancellation(site.machine.cancellation) {
                clock.elapsed() - start >= limit
            }
            return try held.map { plan, sqlite in
                do { return try limited.captureHeld(plan, sqlite: sqlite) } catch is Interrupted {
                    try site.machine.cancellation.check()
                    throw tooLong(limit, "archiving \(plan.part.name)")
                }
            }
        }
        return (parts, clock.elapsed() - began)
    }

    /// Looks at the part once more: a look from before the freeze is out of date.
    private func captureHeld(_ plan: PartPlan, sqlite: [[UInt8]: SQLiteCopy]) throws -> Manifest.Part {
        try capture(look.again(plan), consistency: .frozen, sqlite: sqlite, isHeld: true)
    }

    /// Captures parts once more, frozen, if a file in them was different at every reading. Where that is impossible,
    /// the first capture stays, and its record says what is torn.
    func captureTornAgain(
        _ plans: [PartPlan], _ records: [Manifest.Part]
    ) async throws -> (parts: [Manifest.Part], pause: Duration) {
        let torn = records.filter { $0.torn != nil && $0.consistency != .frozen }
        guard !torn.isEmpty, freezing != .databasesOnly else { return (records, .zero) }
        let aside = try draft.scratch(for: ".torn")
        for record in torn {
            try draft.folder.appending(record.file).rename(to: aside.appending(record.file))
        }
        let names = Set(torn.map(\.name))
        let chosen = plans.filter { names.contains($0.part.name) }
        let (frozen, pause) = try await captureHeld(chosen)
        try site.machine.cancellation.check()
        let parts = try records.map { record in
            guard names.contains(record.name) else { return record }
            if let better = frozen.first(where: { $0.name == record.name }) { return better }
            let file = draft.folder.appending(record.file)
            if try file.isPresent { try file.removeTree() }
            try aside.appending(record.file).rename(to: file)
            return record
        }
        try draft.dropScratch(for: ".torn")
        return (parts, pause)
    }

    /// - Returns: Nothing when the instance could not be frozen, or not for long enough.
    private func captureHeld(_ plans: [PartPlan]) async throws -> ([Manifest.Part], Duration) {
        let held = try plans.map { ($0, try captureSQLite(of: $0)) }
        let limit = try instance.settings.duration(.maxPause)?.duration ?? .seconds(10)
        let clock = site.machine.clock
        try Journal(operation: "backup", startedAt: clock.now(), runsAfterwards: true, mayBeFrozen: true)
            .write(to: instance.folder.journal)
        let began = clock.elapsed()
        var isFrozen = false
        var parts: [Manifest.Part] = []
        do {
            parts = try await runtime.whileFrozen {
                isFrozen = true
                let start = clock.elapsed()
                var limited = self
                limited.site.machine.cancellation = Cancellation(site.machine.cancellation) {
                    clock.elapsed() - start >= limit
                }
                do {
                    return try held.map { try limited.captureHeld($0, sqlite: $1) }
                } catch is Interrupted {
                    return []
                }
            }
        } catch let failure as Failure where !isFrozen {
            site.machine.progress.step("cannot freeze “\(instance.name)”: \(failure.message)", total: nil)
        }
        try Journal.close(instance.folder.journal)
        return (parts, isFrozen ? clock.elapsed() - began : .zero)
    }

    /// The copy of an SQLite database, with its record in the manifest.
    struct SQLiteCopy: Sendable {
        var file: FilePath
        var record: Manifest.Database
    }

    /// Copies a part's SQLite databases while their writers run. A frozen writer may hold a lock that it could not
    /// release.
    private func captureSQLite(of plan: PartPlan) throws -> [[UInt8]: SQLiteCopy] {
        let scratch = try draft.scratch(for: plan.part.name)
        var copies: [[UInt8]: SQLiteCopy] = [:]
        for (index, database) in plan.scan.databases.enumerated() where database.engine == .sqlite {
            copies[database.path] = try captureSQLite(
                database, of: plan, to: scratch.appending("live-\(index)"))
        }
        return copies
    }

    /// Returns every file that may belong to a database that is a file and not SQLite, whether it exists or not, and
    /// the path of its copy.
    private func frozenFiles(of plans: [PartPlan]) throws -> [(source: FilePath, copy: FilePath)] {
        try plans.flatMap { plan in
            let scratch = try draft.scratch(for: plan.part.name)
            return plan.scan.databases.enumerated().filter { $0.element.engine != .sqlite }.flatMap {
                index, database in
                Self.copies(of: database, number: index, in: scratch).map { path, copy in
                    (plan.source.root.appending(bytes: path), copy)
                }
            }
        }
    }

    private func tooLong(_ limit: Duration, _ what: String) -> Failure {
        Failure(
            .timeout, "“\(instance.name)” would have to be paused for longer than \(limit)",
            cause: "\(what) did not end in time; it runs again",
            remedy: "kecsctl backup \(instance.name) --max-pause 1m")
    }

    static func copies(
        of database: TreeScan.Database, number: Int, in scratch: FilePath
    ) -> [(path: [UInt8], copy: FilePath)] {
        // A write-ahead log comes and goes: one that the scan of the tree found need not exist now.
        let sidecars = DatabaseIdentity.dataSidecars.map { database.path + Array($0.utf8) }
        return ([database.path] + sidecars + database.sidecars.filter { !sidecars.contains($0) })
            .enumerated().map { index, path in (path, scratch.appending("\(number).\(index)")) }
    }
}
