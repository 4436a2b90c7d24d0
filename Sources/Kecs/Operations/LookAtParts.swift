// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// Looks at parts before they are captured, the first time and again.
struct LookAtParts: Sendable {
    let instance: Instance
    /// Verified backups, the newest first.
    let earlier: [StoredBackup]
    let seen: PartsSeen
    let isRunning: Bool
    /// True when the user asked to capture everything frozen: then nothing is linked because it looks the same.
    var isFrozen = false
    /// The patterns that leave files out of the parts.
    var exclusions = Exclusions()
    let cancellation: Cancellation
    /// The encryption of the backup; nil for none.
    var sealing: Sealing?
    /// Files of backups that are known to be damaged. Other backups may share them, and are not known to be.
    var rotten = RottenFiles()

    func run(_ part: Part) throws -> PartPlan {
        try cancellation.check()
        var plan = try PartPlan(
            part, of: instance, earlier: earlier, seen: seen, excluded: exclusions.patterns(of: part),
            cancellation: cancellation)
        // True until the search for writers.
        plan.mayBeWritten = true
        plan.isSealedLikeLast = plan.last.map { Sealing.is(sealing, of: $0.part) } ?? false
        // A list of segments names files, and nobody hides those of a backup that is linked.
        if sealing?.hidesNames == true, plan.last?.part.isSegmented == true { plan.isSealedLikeLast = false }
        plan.isSegmented = try isSegmented(plan)
        if plan.isSegmented, let last = plan.lastSegments {
            // Databases count as changed: they have not been captured yet.
            let known = last.byFingerprint
            plan.newBytes = try planSegments(
                of: plan.source, target: last.target, databases: [:], busy: [], now: SystemClock().now(),
                cancellation: cancellation
            ).filter { known[$0.fingerprint]?.isSame($0) != true }.total(\.bytes)
        }
        return plan
    }

    /// Whether the part is stored as many archives. What is copied as files while nobody writes belongs together.
    private func isSegmented(_ plan: PartPlan) throws -> Bool {
        guard sealing?.hidesNames != true, plan.opaqueDatabases.isEmpty, plan.links.databases.isEmpty else {
            return false
        }
        return plan.scan.allocatedBytes >= (try instance.settings.size(.segmentsFrom)?.bytes ?? .max)
    }

    /// Finds out which parts no process can be writing to. Checks only those that would be unchanged then.
    func lookForWriters(_ plans: inout [PartPlan]) {
        if isFrozen { return }
        let asked = plans.indices.filter { plans[$0].seemsUnchanged }
        let places = asked.map { plans[$0].source.root }
        // A single search covers all parts, as long as it finds no writer.
        let isQuiet = !places.isEmpty && !Writers.mayWrite(below: places, isRunning: isRunning)
        for index in asked {
            plans[index].mayBeWritten =
                !isQuiet
                && (asked.count == 1
                    || Writers.mayWrite(below: [plans[index].source.root], isRunning: isRunning))
        }
    }

    /// Looks at a part again: the results of the earlier look may be out of date.
    func again(_ plan: PartPlan) throws -> PartPlan {
        var again = try run(plan.part)
        if !plan.isSealedLikeLast { again.isSealedLikeLast = false }
        return again
    }
}

/// The files that made backups damaged ones, whatever their names in other backups are.
struct RottenFiles: Sendable {
    private var files: Set<[UInt64]> = []

    init() {}

    /// - Throws: `FileError`.
    init(_ backups: [StoredBackup]) throws {
        for backup in backups {
            guard case .damaged(let file, _) = backup.state,
                let status = try FileStatus.of(backup.folder.appending(file))
            else { continue }
            files.insert([status.device, status.inode])
        }
    }

    func contains(_ file: FilePath) throws -> Bool {
        guard !files.isEmpty, let status = try FileStatus.of(file) else { return false }
        return files.contains([status.device, status.inode])
    }
}
