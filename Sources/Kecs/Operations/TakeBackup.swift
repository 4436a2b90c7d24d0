// SPDX-License-Identifier: Apache-2.0
import KecsArchive
public import KecsBackups
import KecsSystem
import SystemPackage

/// The options of `backup`.
public struct BackupRequest: Sendable {
    public var reason: BackupReason
    /// The names of the parts; nil for all.
    public var parts: [String]?
    public var labels: [String: String]
    /// Losses to accept, as `PART` or `PART/PATH`: the backup counts as good without them.
    public var acceptedLosses: [String]
    /// Patterns in addition to those of the settings. Nil leaves nothing out, regardless of the settings, because the
    /// backup is taken before a removal, or is to become another instance.
    public var exclude: [String]?
    /// True to accept every loss: the user emptied the instance on purpose.
    var acceptsEveryLoss = false
    public var prune: Bool
    /// True to continue although the estimate says that there is not enough free space.
    public var force: Bool
    /// True when unusual facts about the state make the result a partial one.
    public var strict: Bool
    public var dryRun: Bool

    public init(
        reason: BackupReason = .manual, parts: [String]? = nil, labels: [String: String] = [:],
        acceptedLosses: [String] = [], exclude: [String]? = nil, prune: Bool = true,
        force: Bool = false, strict: Bool = false, dryRun: Bool = false
    ) {
        self.reason = reason
        self.parts = parts
        self.labels = labels
        self.acceptedLosses = acceptedLosses
        self.exclude = exclude
        self.prune = prune
        self.force = force
        self.strict = strict
        self.dryRun = dryRun
    }
}

/// Takes a backup. It captures, archives, reads back, and compares with the parts of the instance when it was last
/// good. Only then does the backup become visible.
public struct TakeBackup: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// What a start went on without, a good backup of everything has recorded: from then on that is what is compared with.
    private func settleLosses(of instance: Instance) throws {
        var config = try InstanceConfig.read(instance.folder.config)
        guard config.acceptedLosses != nil else { return }
        config.acceptedLosses = nil
        try config.write(to: instance.folder.config)
    }

    /// To be called under the instance's lock.
    public func run(_ instance: Instance, _ request: BackupRequest) async throws -> BackupReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let exclusions =
            try request.exclude.map { try Exclusions(instance.settings, flags: $0) } ?? Exclusions()
        // An unreadable policy is reported before the work, not after it.
        if request.prune { _ = try instance.settings.retention() }
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

        // Decide: what changed, what must be frozen, is there enough free space.
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
        var plans: [PartPlan] = []
        for part in parts where part.volumeOutOfReach == nil {
            do { plans.append(try look.run(part)) } catch let error as FileError {
                try losses.note(part, unreadable: error)
            }
        }
        look.lookForWriters(&plans)
        if let sealing { try await forget(archivesOfOtherPassphrases: &plans, sealing, cipher) }
        if plans.isEmpty, volumes.isEmpty, let error = losses.unreadable { throw error }
        let consistency = try chooseConsistency(plans, volumes, state: state, instance: instance)
        losses.note(plans, mayFreeze: state.mayWrite)
        let free = try site.machine.freeSpace(instance.backups.folder)
        var needed = try await roomNeeded(plans, volumes, runtime)
        // One archive at a time exists twice, plain and encrypted.
        if sealing != nil { needed = needed + (plans.map(\.roomNeeded).max() ?? ByteCount(0)) }
        if needed > free, !request.force {
            throw GainRoom(site: site, instance: instance).failure(
                "not enough free space to back up “\(instance.name)”", needed: needed, free: free,
                in: instance.backups.folder)
        }
        if request.dryRun {
            let found = try losses.expected(of: plans, volumes)
            return BackupReport(
                outcome: found.lacks.isEmpty ? .planned : .partial, backup: nil,
                duration: clock.elapsed() - began, pause: .zero,
                plan: plans.map { $0.described(consistency) }
                    + volumes.map {
                        // Only the copy shows how much it is.
                        BackupReport.PlannedPart(
                            name: $0.name, sourceBytes: 0, entries: 0, databases: [],
                            consistency: consistency,
                            unchanged: false)
                    },
                lacks: found.lacks, instance: instance.name)
        }

        // Act.
        let draft = try BackupDraft(in: instance.backups, reason: request.reason, at: clock.now())
        let stored: StoredBackup
        let captured: CaptureParts.Captured
        let found: FindLosses.Found
        var imagesFailure: Failure?
        do {
            let capture = CaptureParts(
                site: site, instance: instance, runtime: runtime, draft: draft, look: look,
                freezing: try freezing(instance), ignoreChanging: try instance.settings.globs(.ignoreChanging)
            )
            var done = try await capture.run(
                plans, volumes, consistency: consistency, wasRunning: state.mayWrite)
            for index in done.parts.indices {
                let name = done.parts[index].name
                done.parts[index].excluded?.databases = leftOut[name]
                done.parts[index].pathInside = inventory.parts.first { $0.part.name == name }?.pathInside
                guard exclusions.concern(name), volumes.contains(where: { $0.name == name }) else { continue }
                done.parts[index].warnings.append(
                    "nothing was left out: its volume is not open to this user, and comes as a whole")
            }
            if let sealing {
                try await SealParts(site: site, draft: draft, cipher: cipher, sealing: sealing).run(
                    &done.parts)
            }
            try draft.noteReadings(of: &done.parts, at: clock.now())
            captured = done
            found = try losses.find(in: captured.parts, plans)
            var manifest = Manifest(
                id: draft.id, instance: instance.name.description, instanceId: instance.config.id,
                tool: site.tool,
                runtime: Manifest.Runtime(
                    kind: instance.config.runtime.rawValue, versions: await runtime.versions()),
                degraded: instance.config.degraded != nil,
                schemaVersion: captured.parts.lazy.flatMap(\.databases)
                    .first { $0.path == InstanceFolder.databaseName }?.userVersion.map { Int($0) },
                labels: request.labels, verified: true, parts: captured.parts)
            manifest.sequence = judged.nextSequence
            manifest.selected = request.parts
            manifest.lacks = found.lacks
            manifest.acceptedLosses = found.accepted.isEmpty ? nil : found.accepted
            manifest.remarks = found.remarks.isEmpty ? nil : found.remarks
            do {
                manifest.images = try await SaveImages(site: site, instance: instance).run(
                    saves: try instance.settings.flag(.withImages))
            } catch {
                // The data are worth more than an image, which a registry may still have.
                imagesFailure = Failure.describing(
                    error, doing: "save the images of “\(instance.name)” beside its backups")
            }
            try site.machine.cancellation.check()
            if let sealing, sealing.hidesNames {
                manifest = try await SealParts(
                    site: site, draft: draft, cipher: cipher, sealing: sealing
                ).hideNames(of: manifest)
            }
            stored = try draft.commit(manifest)
        } catch {
            draft.discard()
            throw error
        }
        if found.lacks.isEmpty, request.parts == nil {
            try settleLosses(of: instance)
            try KnownMounts(site: site).note(instance, inventory.parts)
        }

        // From here the backup is a fact; an old one that cannot be removed is reported.
        var pruned: [PruneItem] = []
        var pruneFailure: Failure?
        if request.prune {
            do {
                pruned = try PruneBackups(site: site).run(instance, taken: draft.id).filter { !$0.isKept }
            } catch {
                pruneFailure = Failure.describing(
                    error, doing: "remove what the retention of “\(instance.name)” no longer keeps")
            }
        }
        do {
            try LatestLink(store: instance.backups).update(isWanted: try instance.settings.flag(.latestLink))
        } catch {
            pruneFailure =
                pruneFailure ?? .describing(error, doing: "lead “latest” to the backup of “\(instance.name)”")
        }
        let isPartial =
            pruneFailure != nil || imagesFailure != nil || captured.startFailure != nil
            || !found.lacks.isEmpty
            || request.strict && !found.remarks.isEmpty
        var report = BackupReport(
            outcome: isPartial ? .partial : .done,
            backup: BackupSummary(stored, instance: instance.name.description),
            duration: clock.elapsed() - began, pause: captured.pause, pruned: pruned.map(\.id),
            pruneError: pruneFailure, startError: captured.startFailure, lacks: found.lacks,
            remarks: found.remarks, instance: instance.name)
        report.imagesError = imagesFailure
        return report
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

    private func freezing(_ instance: Instance) throws(Failure) -> CaptureParts.Freezing {
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
