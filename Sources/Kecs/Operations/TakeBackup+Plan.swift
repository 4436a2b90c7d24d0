// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// What a backup would do: which parts changed, what must be frozen for it, what it lacks.
struct BackupPlan {
    let runtime: any Runtime
    let inventory: Inventory
    let judged: JudgedBackups
    var losses: FindLosses
    let exclusions: Exclusions
    /// Databases that the patterns leave out, by part.
    let leftOut: [String: [String]]
    let state: RuntimeState
    let sealing: Sealing?
    let cipher: Cipher
    let look: LookAtParts
    var parts: [PartPlan]
    /// Parts that come whole, from volumes that this user cannot open.
    let volumes: [Part]
    var consistency = Consistency.live

    /// The report of a dry run.
    func report(of instance: Instance, duration: Duration) throws -> BackupReport {
        let found = try losses.expected(of: parts, volumes)
        return BackupReport(
            outcome: found.lacks.isEmpty ? .planned : .partial, backup: nil, duration: duration, pause: .zero,
            plan: parts.map { $0.described(consistency) }
                + volumes.map {
                    // Only the copy shows how much it is.
                    BackupReport.PlannedPart(
                        name: $0.name, sourceBytes: 0, entries: 0, databases: [], consistency: consistency,
                        unchanged: false)
                },
            lacks: found.lacks, instance: instance.name)
    }
}

extension TakeBackup {
    /// Decides, and changes nothing.
    ///
    /// - Throws: `Failure` when the backup cannot be taken as it is asked for, or when there is not enough room.
    func plan(_ instance: Instance, _ request: BackupRequest) async throws -> BackupPlan {
        var (plan, parts) = try await lookAround(instance, request)
        for part in parts where part.volumeOutOfReach == nil {
            do { plan.parts.append(try plan.look.run(part)) } catch let error as FileError {
                try plan.losses.note(part, unreadable: error)
            }
        }
        plan.look.lookForWriters(&plan.parts)
        if let sealing = plan.sealing {
            try await forget(archivesOfOtherPassphrases: &plan.parts, sealing, plan.cipher)
        }
        if plan.parts.isEmpty, plan.volumes.isEmpty, let error = plan.losses.unreadable { throw error }
        plan.consistency = try chooseConsistency(
            plan.parts, plan.volumes, state: plan.state, instance: instance)
        plan.losses.note(plan.parts, mayFreeze: plan.state.mayWrite)
        if !request.force { try await checkRoom(for: plan, of: instance) }
        return plan
    }

    /// Finds out what there is to back up.
    ///
    /// - Returns: A plan without its parts, and the parts that are to be captured.
    private func lookAround(
        _ instance: Instance, _ request: BackupRequest
    ) async throws -> (BackupPlan, [Part]) {
        let exclusions =
            try request.exclude.map { try Exclusions(instance.settings, flags: $0) } ?? Exclusions()
        let runtime = try site.runtime(instance)
        let inventory = try await site.inventory(of: instance, databases: .none)
        let judged = try instance.backups.judged()
        var losses = FindLosses(
            instance: instance, baseline: judged.baseline(of: instance.config.id), request: request,
            inventory.parts)
        let parts = try losses.select(from: try await runtime.parts())
        let sealing = try Sealing(instance.settings)
        let cipher = Cipher(site: site, keys: Keys(site: site, settings: instance.settings))
        let leftOut = try await CheckExclusions(site: site, instance: instance, exclusions: exclusions).run(
            parts, known: Set(inventory.parts.map(\.part.name)).union(losses.baseline.parts.keys))
        let state = await runtime.state()
        if case .unknown(let why) = state { throw Failure.unknownState(of: instance, why) }
        site.machine.progress.step("looking at \(instance.name)", total: nil)
        var look = LookAtParts(
            instance: instance, earlier: judged.all.filter { $0.isVerified && !$0.hasFailedDrill },
            seen: PartsSeen(inventory.parts), isRunning: state.mayWrite,
            isFrozen: try freezing(instance) == .everything && state.mayWrite, exclusions: exclusions,
            cancellation: site.machine.cancellation)
        look.sealing = sealing
        look.rotten = try RottenFiles(judged.all)
        let volumes = parts.filter { $0.volumeOutOfReach != nil }
        if let sealing {
            if let volume = volumes.first {
                throw Failure(
                    .usage, "the backup of “\(instance.name)” cannot be encrypted",
                    cause:
                        "this user cannot open the volume of the part “\(volume.name)”, which could not be filled again",
                    remedy: "sudo kecsctl backup \(instance.name)")
            }
            try await cipher.check(sealing)
        }
        let plan = BackupPlan(
            runtime: runtime, inventory: inventory, judged: judged, losses: losses, exclusions: exclusions,
            leftOut: leftOut, state: state, sealing: sealing, cipher: cipher, look: look, parts: [],
            volumes: volumes)
        return (plan, parts)
    }

    /// - Throws: `Failure(.noRoom)` when the estimate is above the free space.
    private func checkRoom(for plan: BackupPlan, of instance: Instance) async throws {
        let free = try site.machine.freeSpace(instance.backups.folder)
        var needed = try await roomNeeded(plan.parts, plan.volumes, plan.runtime)
        // One archive at a time exists twice, plain and encrypted.
        if plan.sealing != nil { needed = needed + (plan.parts.map(\.roomNeeded).max() ?? ByteCount(0)) }
        guard needed > free else { return }
        throw GainRoom(site: site, instance: instance).failure(
            "not enough free space to back up “\(instance.name)”", needed: needed, free: free,
            in: instance.backups.folder)
    }

    private func roomNeeded(
        _ plans: [PartPlan], _ volumes: [Part], _ runtime: any Runtime
    ) async throws -> ByteCount {
        var needed = plans.reduce(ByteCount(0)) { $0 + $1.roomNeeded }
        for volume in volumes.compactMap(\.volumeOutOfReach) {
            // The tar, and the databases that are unpacked from it for the checks.
            guard let used = try await runtime.volumeAccess.room(inVolume: volume).used else { continue }
            needed = needed + used + used
        }
        return needed
    }

    /// Excludes archives that another passphrase encrypted from being taken over: a user who changed it relies on the
    /// new one.
    private func forget(
        archivesOfOtherPassphrases plans: inout [PartPlan], _ sealing: Sealing, _ cipher: Cipher
    ) async throws {
        guard sealing.recipients.isEmpty else { return }
        // A backup has one passphrase, and deriving its key takes a third of a second.
        var known: [BackupID: Bool] = [:]
        for index in plans.indices where plans[index].seemsUnchanged || plans[index].isSegmented {
            guard let last = plans[index].last, last.part.encryption != nil else { continue }
            let opens: Bool
            if let answer = known[last.backup.id] {
                opens = answer
            } else {
                var archive = last.backup.archive(of: last.part)
                if let file = plans[index].lastSegments?.segments.first?.file {
                    archive = archive.appending(file)
                }
                opens = try await cipher.opens(archive, sealing)
                known[last.backup.id] = opens
            }
            if !opens { plans[index].isSealedLikeLast = false }
        }
    }

    func freezing(_ instance: Instance) throws(Failure) -> CaptureParts.Freezing {
        switch try instance.settings.text(.consistency) {
        case "frozen": .everything
        case "live": .databasesOnly
        default: .whereNeeded
        }
    }

    /// Chooses the consistency. SQLite is captured live; any other database only while its writer cannot write.
    private func chooseConsistency(
        _ plans: [PartPlan], _ volumes: [Part], state: RuntimeState, instance: Instance
    ) throws(Failure) -> Consistency {
        let opaque = plans.lazy.flatMap { plan in plan.opaqueDatabases.map { "\(plan.part.name)/\($0)" } }
            .first
        switch try instance.settings.text(.consistency) {
        case "live":
            if let opaque, state.mayWrite {
                throw Failure(
                    .usage, "“\(instance.name)” cannot be backed up with --consistency live",
                    cause: "\(opaque) is a database that is not SQLite, and what writes it is running",
                    remedy: "kecsctl backup \(instance.name) --consistency frozen")
            }
            if let volume = volumes.first, state.mayWrite {
                throw Failure(
                    .usage, "“\(instance.name)” cannot be backed up with --consistency live",
                    cause:
                        "the volume of the part “\(volume.name)” can only be copied whole, its databases with it",
                    remedy: "kecsctl backup \(instance.name) --consistency frozen")
            }
            return .live
        case "frozen": return state.mayWrite ? .frozen : .stopped
        case "stopped": return .stopped
        default:
            if !state.mayWrite { return .live }
            return opaque == nil && volumes.isEmpty ? .live : .frozen
        }
    }
}
