// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem

/// What must be there before anything is started: the state, the place, and nobody else in it.
extension StartInstance {
    /// Checks a running instance: a server that lost its state and created a new one runs as if nothing had happened.
    func checkWhatRuns(_ instance: Instance, _ request: StartRequest) async throws {
        guard let lost = try await JudgeLoss(site: site).run(instance, accepted: request.acceptedLosses).names
        else { return }
        throw Failure(
            .partial, "“\(instance.name)” runs, but \(lost) gone, or something else is there",
            cause: "what runs may still have it open",
            remedy: "kecsctl restore \(instance.name) --from latest")
    }

    /// What moved away has gone on elsewhere: two of it would each write what the other never sees.
    func checkIsHere(_ instance: Instance, _ moved: MoveRecord?, _ request: StartRequest) throws {
        guard let moved, !request.force else { return }
        throw Failure(
            .busy, "“\(instance.name)” has moved to \(moved.to)",
            cause:
                "it was stopped here on \(moved.movedAt ?? moved.startedAt), and what was written since is only there",
            remedy: "kecsctl start \(instance.name) --force")
    }

    func checkPlace(_ instance: Instance, _ request: StartRequest) async throws {
        guard !request.force else { return }
        try await CheckExclusive(site: site).run(instance)
        try await KnownMounts(site: site).check(instance, verb: "started", "kecsctl start \(instance.name)")
    }

    /// Checks for other processes that use the data. A process that only reads is not a second server.
    func checkHolders(_ instance: Instance, _ request: StartRequest) async throws -> [String] {
        let holders = FindHolders(site: site)
        var demand = FindHolders.Demand(verb: "started", force: request.force)
        demand.writersOnly = true
        demand.isStopped = true
        // Nothing is replaced: processes that could not be examined need not be reported at every start.
        demand.tellsUnseen = false
        return try await holders.check(instance, try await holders.parts(of: instance), demand)
    }

    /// The restore that must come first, in the order in which the cases are tried.
    enum NeededRestore {
        case nothing
        case from(RestoreFrom)
        case newest([StoredBackup])
        case impossible(Failure)
    }

    /// Decides which restore must come first.
    ///
    /// - Throws: `Failure(.partial)` when some of the state is gone: then only a person can decide what is right.
    func neededRestore(
        _ instance: Instance, _ request: StartRequest
    ) async throws -> NeededRestore {
        switch request.restore {
        case .none: return .nothing
        case .latest: return .from(.latest)
        case .id(let id): return .from(.id(id))
        case .auto: break
        }
        switch try await JudgeLoss(site: site).run(instance, accepted: request.acceptedLosses) {
        case .none:
            try await CheckKnownDatabases(site: site)
                .run(instance, verb: "started", accepted: request.acceptedLosses)
            return .nothing
        case .gone(let backups): return .newest(backups)
        case .goneForGood(let newest):
            return .impossible(
                Failure(
                    .damaged,
                    "the state of “\(instance.name)” is gone, and no backup of it can be restored",
                    cause: "the newest is \(newest)", remedy: "kecsctl backups verify --all"))
        case .unmounted(let lost, let backup):
            throw Failure(
                .partial,
                "“\(instance.name)” was not started: \(lost.joined(separator: ", ")) "
                    + (lost.count == 1 ? "is" : "are") + " not mounted any more",
                cause: "the backup \(backup) has it, and nothing that the instance consists of now does. "
                    + Remedy.line(
                        "Continue without it: kecsctl start \(instance.name) --accept-loss \(lost.first ?? "")"
                    ),
                remedy: "kecsctl inspect \(instance.name)")
        case .partly(let lost, let backup):
            let first = lost.first ?? ""
            let part = String(first.prefix { $0 != "/" })
            throw Failure(
                .partial,
                "“\(instance.name)” was not started: \(lost.joined(separator: ", ")) "
                    + (lost.count == 1 ? "is" : "are") + " gone, or something else is there",
                cause: "the backup \(backup) has it; nothing was restored, because the other parts exist. "
                    + Remedy.line(
                        "Continue without it: kecsctl start \(instance.name) --accept-loss \(first)"),
                remedy: "kecsctl restore \(instance.name) --from latest --part \(part)")
        }
    }

    struct Restored {
        var from: String
        var damaged: [String] = []
        var notes: [String] = []
    }

    func restore(
        _ instance: Instance, _ needed: NeededRestore, force: Bool
    ) async throws -> Restored? {
        func restore(_ from: RestoreFrom) async throws -> Restored {
            let report = try await RestoreBackup(site: site).run(
                instance, RestoreRequest(from: from, start: false, force: force))
            return Restored(from: report.from, notes: report.notes)
        }
        switch needed {
        case .nothing: return nil
        case .impossible(let failure): throw failure
        case .from(let from): return try await restore(from)
        case .newest(let backups):
            var damaged: [String] = []
            var first: Failure?
            for backup in backups {
                do {
                    var done = try await restore(.id(backup.id.description))
                    done.damaged = damaged
                    return done
                } catch {
                    let failure = Failure.describing(error)
                    guard failure.kind == .damaged else { throw error }
                    damaged.append(backup.id.description)
                    first = first ?? failure
                }
            }
            throw first ?? BackupStore.none(instance.name.description)
        }
    }

    /// Writes down what it goes on without, so that neither the next start nor the next backup asks again.
    ///
    /// - Returns: What was not written down before.
    func acceptLosses(_ instance: Instance, _ request: StartRequest) async throws -> [String] {
        guard !request.acceptedLosses.isEmpty else { return [] }
        let real = try await JudgeLoss(site: site).judge(instance, accepted: request.acceptedLosses).accepted
        var config = try InstanceConfig.read(instance.folder.config)
        let known = config.acceptedLosses ?? []
        let new = Set(real).subtracting(known).sorted()
        guard !new.isEmpty else { return [] }
        config.acceptedLosses = (known + new).sorted()
        try config.write(to: instance.folder.config)
        return new
    }

    /// What came of the restore that a start begins with.
    struct RestoredFirst {
        var restored: Restored?
        var failure: Failure?
        var notes: [String] = []
    }

    /// Restores a state that is gone, or what was asked for.
    ///
    /// - Throws: A failure of a restore that was asked for, and of one that may be made later. Any other goes into the
    ///   result: the instance starts without it, degraded.
    func restoreFirst(_ instance: Instance, _ request: StartRequest) async throws -> RestoredFirst {
        try await checkPlace(instance, request)
        let needed = try await neededRestore(instance, request)
        var first = RestoredFirst(notes: try await checkHolders(instance, request))
        do {
            first.restored = try await restore(instance, needed, force: request.force)
        } catch {
            let failure = Failure.describing(error, doing: "restore “\(instance.name)”")
            guard request.restore == .auto, site.machine.cancellation.reason == nil, failure.kind != .busy
            else { throw failure }
            first.failure = failure
        }
        return first
    }

    /// Writes down that the state could not be restored, or that its user calls the instance good as it is.
    func markDegraded(_ instance: Instance, _ request: StartRequest, after failure: Failure?) throws {
        var config = instance.config
        if let failure {
            config.degraded = .init(since: site.machine.clock.now(), why: failure.message)
        } else if request.accept, config.degraded != nil {
            config.degraded = nil
        } else {
            return
        }
        try config.write(to: instance.folder.config)
    }
}
