// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

/// The options of `start`.
public struct StartRequest: Sendable {
    public enum Restore: Hashable, Sendable {
        /// Restores the newest good backup, only when the state is gone.
        case auto
        case latest
        case none
        case id(String)
    }

    /// Settings given as flags; the first start writes them into the instance's configuration.
    public var settings: [SettingKey: String]
    public var restore: Restore
    /// True to start a degraded instance as it is, and to call it good.
    public var accept: Bool
    /// Parts, or databases as PART/PATH, that the start may do without.
    public var acceptedLosses: [String]
    /// True to start although another process uses the data.
    public var force: Bool
    public var wait: Bool
    /// The time limit; nil for the setting `startLimit`.
    public var limit: Duration?
    public var dryRun: Bool

    public init(
        settings: [SettingKey: String] = [:], restore: Restore = .auto, accept: Bool = false,
        acceptedLosses: [String] = [], force: Bool = false, wait: Bool = true, limit: Duration? = nil,
        dryRun: Bool = false
    ) {
        self.settings = settings
        self.restore = restore
        self.accept = accept
        self.acceptedLosses = acceptedLosses
        self.force = force
        self.wait = wait
        self.limit = limit
        self.dryRun = dryRun
    }
}

/// Creates the missing parts, restores a state that is gone, starts, and waits until the server answers.
public struct StartInstance: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    public func run(
        _ name: InstanceName, _ request: StartRequest, lock: LockRequest,
        told: (Told) -> Void = { _ in }
    ) async throws -> StartReport {
        let isNew = try !site.home.folder(of: name).path.isFolder
        try await ChooseBackupEngine(site: site).check(name, request, isNew: isNew)
        if request.dryRun { return try await plan(name, request, isNew: isNew) }
        if isNew { try await create(name, request, lock) }
        return try await site.locked(
            name, lock, flags: request.settings, duty: .leave, told: told
        ) { instance in
            var hasBegun = false
            do {
                let known = try remember(request, in: instance)
                return try await start(known, request, isNew: isNew, &hasBegun)
            } catch {
                if !hasBegun { try owe(instance, after: error) }
                throw error
            }
        }
    }

    /// Records a duty for a start that could not begin because its engine did not answer.
    private func owe(_ instance: Instance, after error: any Error) throws {
        let failure = Failure.describing(error)
        guard [.failed, .unreachable, .timeout].contains(failure.kind),
            site.machine.cancellation.reason == nil, try site.runtime(instance).runsSomething,
            try Duty.read(instance.folder.duty) == nil
        else { return }
        let now = site.machine.clock.now()
        let duty = Duty(operation: "start", since: now, because: failure.sentence, tries: 1, triedAt: now)
        try duty.write(to: instance.folder.duty)
    }

    // MARK: Create

    /// Creates the instance under the home's lock, so that two instances that are created at once do not choose the
    /// same ports.
    private func create(_ name: InstanceName, _ request: StartRequest, _ lock: LockRequest) async throws {
        let found = try await prepare(name, request)
        try site.home.instances.createFolder()
        let homeLock = try await FileLock.acquire(
            site.home.lock, command: lock.command, wait: max(lock.wait ?? .zero, .seconds(30)),
            clock: site.machine.clock, cancellation: site.machine.cancellation)
        defer { homeLock.unlock() }
        Remains(home: site.home).sweep()
        guard try !site.home.folder(of: name).path.isFolder else { return }
        let settings = try site.settings(flags: request.settings)
        guard let kind = RuntimeKind(rawValue: try settings.text(.runtime) ?? "") else {
            throw Failure(.usage, "no runtime is given", remedy: "kecsctl start \(name) --runtime local")
        }
        var config = InstanceConfig(
            name: name, id: site.newUUID(), createdAt: site.machine.clock.now(), runtime: kind)
        // There is a backup of an instance of this name, which is gone: the same instance returns.
        if request.restore != .none, let manifest = try site.home.backupStore(of: name).latest()?.manifest {
            config.id = manifest.instanceId
        }
        config.settings = try site.chosen(request.settings, for: name)
        try config.fixPlace(site.machine.environment)
        for (key, value) in found { config.settings[key.rawValue] = value }
        let new = try site.instance(name, config: config, flags: request.settings)
        try site.check(dataFolder: new.dataFolder(), for: name)
        try await SharedServer(site: site).checkNew(new)
        if !request.force, try new.dataFolder().isPresent { _ = try await checkHolders(new, request) }
        if try site.runtime(try site.instance(name, config: config, flags: request.settings)).choosesPorts {
            let ports = try ChoosePorts(site: site).run(for: kind)
            for (key, port) in [(SettingKey.apiPort, ports.api), (.adminPort, ports.admin)]
            where config.settings[key.rawValue] == nil {
                config.settings[key.rawValue] = .integer(Int64(port))
            }
        }
        // The runtime must be able to run it, before anything is made.
        _ = try site.runtime(try site.instance(name, config: config, flags: request.settings))
        try site.create(config, named: name)
    }

    /// Prepares the creation before the lock: an image may have to be pulled, which takes time.
    private func prepare(
        _ name: InstanceName, _ request: StartRequest
    ) async throws -> [SettingKey: JSONValue] {
        guard
            let kind = RuntimeKind(rawValue: try site.settings(flags: request.settings).text(.runtime) ?? "")
        else { return [:] }
        var config = InstanceConfig(name: name, id: "", createdAt: site.machine.clock.now(), runtime: kind)
        config.settings = try site.chosen(request.settings, for: name)
        try config.fixPlace(site.machine.environment)
        return try await site.runtime(try site.instance(name, config: config, flags: request.settings))
            .prepare()
    }

    /// What was given now holds from now on.
    private func remember(_ request: StartRequest, in instance: Instance) throws -> Instance {
        var config = instance.config
        if let kind = request.settings[.runtime], kind != config.runtime.rawValue {
            throw Failure(
                .usage, "“\(instance.name)” runs with the runtime \(config.runtime.rawValue), not \(kind)",
                remedy: "kecsctl start \(instance.name)")
        }
        let chosen = try site.chosen(request.settings, for: instance.name)
        if let moved = chosen[SettingKey.dataDir.rawValue],
            moved != config.settings[SettingKey.dataDir.rawValue],
            try !StateOf.isEmpty(try site.instance(instance.name).dataFolder())
        {
            let now = try site.instance(instance.name).dataFolder()
            throw Failure(
                .usage, "the data of “\(instance.name)” lies elsewhere already",
                cause: "it is in \(now); another --data-dir would leave it behind",
                remedy: "kecsctl start \(instance.name)")
        }
        config.settings.merge(chosen) { _, new in new }
        if config != instance.config { try config.write(to: instance.folder.config) }
        return try site.instance(instance.name, flags: request.settings)
    }

    // MARK: Start

    /// - Parameter hasBegun: Set once only the start itself is left to do, which cleans up after itself.
    private func start(
        _ given: Instance, _ request: StartRequest, isNew: Bool, _ hasBegun: inout Bool
    ) async throws -> StartReport {
        var instance = given
        let clock = site.machine.clock
        let began = clock.elapsed()
        let duty = try Duty.read(instance.folder.duty)
        if let duty { try await FulfilDuty(site: site).prepare(duty, try site.runtime(instance)) }
        let before = await (try site.runtime(instance)).state()
        if case .unknown(let why) = before { throw Failure.unknownState(of: instance, why) }
        var restored: Restored?
        var restoreFailure: Failure?
        var notes: [String] = []
        if !before.mayWrite {
            // All of these checks come before anything is created, started or pulled.
            try await checkPlace(instance, request)
            let needed = try await neededRestore(instance, request)
            notes = try await checkHolders(instance, request)
            do {
                restored = try await restore(instance, needed, force: request.force)
            } catch {
                let failure = Failure.describing(error, doing: "restore “\(instance.name)”")
                guard request.restore == .auto, site.machine.cancellation.reason == nil,
                    failure.kind != .busy
                else { throw failure }
                restoreFailure = failure
            }
            instance = try site.instance(instance.name, flags: request.settings)
        } else if !isNew, request.restore == .auto, !request.force {
            try await checkWhatRuns(instance, request)
        }
        let accepted = try await acceptLosses(instance, request)
        notes += accepted.map { "the loss of \($0) is accepted; the next good backup is made without it" }
        if !accepted.isEmpty { instance = try site.instance(instance.name, flags: request.settings) }
        if let restoreFailure {
            var config = instance.config
            config.degraded = .init(since: clock.now(), why: restoreFailure.message)
            try config.write(to: instance.folder.config)
        } else if request.accept, instance.config.degraded != nil {
            var config = instance.config
            config.degraded = nil
            try config.write(to: instance.folder.config)
        }
        instance = try site.instance(instance.name, flags: request.settings)
        let runtime = try site.runtime(instance)
        let database =
            runtime.makesItsDatabase ? false : try await CreateDatabase(site: site).run(instance)
        hasBegun = true
        if runtime.runsSomething, before != .running {
            let journal = Journal(operation: "start", startedAt: clock.now(), runsAfterwards: true)
            try journal.write(to: instance.folder.journal)
            do {
                let limit = try request.limit ?? instance.startLimit()
                try await runtime.start(limit: request.wait ? limit : .zero)
            } catch {
                throw await giveUp(instance, journal, owed: duty, ran: before.mayWrite, after: error)
            }
            try Journal.close(instance.folder.journal)
        }
        try Duty.end(instance.folder.duty)
        var engineFailure = try await bringUpBackupEngine(instance, request)
        let cluster = try await RestoreCluster(site: site).run(
            instance, engineFailure: engineFailure, wants: request.restore != .none,
            accepts: request.accept && given.config.degraded != nil,
            limit: request.wait ? try request.limit ?? instance.startLimit() : .zero)
        // It is the reason of the other one then.
        if cluster.failure != nil { engineFailure = nil }
        let (recovery, recoveryFailure) = try await recover(instance, request)
        instance = try site.instance(instance.name, flags: request.settings)
        try await KnownMounts(site: site).note(instance)
        let state = await runtime.state()
        let didSomething =
            isNew || database || !accepted.isEmpty || restored != nil || before != state
            || recovery?.outcome == .done || cluster.restored != nil
        let isPartial =
            restoreFailure != nil || recoveryFailure != nil || engineFailure != nil || cluster.failure != nil
            || recovery?.outcome == .partial
        var report = StartReport(
            outcome: isPartial ? .partial : didSomething ? .done : .already, state: state.name,
            created: isNew, restored: restored?.from, restoreError: restoreFailure,
            degraded: instance.config.degraded?.why, runsSomething: runtime.runsSomething,
            endpoints: await runtime.endpoints(), durationSeconds: (clock.elapsed() - began).inSeconds)
        report.damaged = restored?.damaged ?? []
        report.notes = notes + (restored?.notes ?? []) + cluster.notes
        report.clusterRestore = cluster.restored
        report.clusterRestoreError = cluster.failure
        report.recovery = recovery
        report.recoveryError = recoveryFailure
        report.backupEngine = runtime.backupEngine
        report.backupEngineError = engineFailure
        return report
    }

    /// Starts the instance for an operation that has the lock and has checked the data.
    func again(_ instance: Instance, limit: Duration?) async throws -> StartReport {
        var hasBegun = false
        return try await start(
            instance, StartRequest(restore: .none, limit: limit), isNew: false, &hasBegun)
    }

    /// Writes down what it goes on without, so that neither the next start nor the next backup asks again.
    ///
    /// - Returns: What was not written down before.
    private func acceptLosses(_ instance: Instance, _ request: StartRequest) async throws -> [String] {
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

    /// Without what backs up its cluster an instance is none the worse today.
    private func bringUpBackupEngine(_ instance: Instance, _ request: StartRequest) async throws -> Failure? {
        let limit = try request.limit ?? instance.startLimit()
        do {
            try await site.runtime(instance).bringUpBackupEngine(limit: request.wait ? limit : .zero)
            return nil
        } catch {
            guard site.machine.cancellation.reason == nil else { throw error }
            return Failure.describing(error)
        }
    }

    /// Checks a running instance: a server that lost its state and created a new one runs as if nothing had happened.
    private func checkWhatRuns(_ instance: Instance, _ request: StartRequest) async throws {
        guard let lost = try await JudgeLoss(site: site).run(instance, accepted: request.acceptedLosses).names
        else { return }
        throw Failure(
            .partial, "“\(instance.name)” runs, but \(lost) gone, or something else is there",
            cause: "what runs may still have it open",
            remedy: "kecsctl restore \(instance.name) --from latest")
    }

    /// Cleans up after a start that failed: nothing half-started stays. If the runtime failed to start it, that is a
    /// duty from then on, because the user asked for it to run. That includes an instance that came up before the
    /// engine failed, because it is stopped here. An instance that came up and is not healthy is no duty, because its
    /// user has seen it; an interrupted start is no longer wanted.
    private func giveUp(
        _ instance: Instance, _ journal: Journal, owed: Duty?, ran: Bool, after error: any Error
    ) async -> any Error {
        let failure = Failure.describing(error, doing: "start “\(instance.name)”")
        let wasInterrupted = site.machine.cancellation.reason != nil
        let cameUp = await site.isRunning(instance)
        var problem: Failure?
        do {
            // An instance that ran before, in part or frozen, is not stopped by a failed start.
            if !ran {
                try await site.seenThrough { site in
                    try await site.runtime(instance).stop(limit: .seconds(20))
                }
            }
        } catch {
            problem = Failure.describing(error)
        }
        let isOwed =
            switch failure.kind {
            case .timeout: !cameUp || problem != nil
            case .failed, .unreachable: !failure.isServersState && !(cameUp && ran) || problem != nil
            default: problem != nil
            }
        do {
            if owed != nil || isOwed && !wasInterrupted {
                var duty = owed ?? Duty(operation: "start", since: journal.startedAt, because: "")
                duty.because = failure.sentence
                duty.mayBeStopped = problem == nil ? nil : true
                duty.tries += 1
                duty.triedAt = site.machine.clock.now()
                try journal.settle(as: duty, in: instance.folder)
            } else {
                try Journal.close(instance.folder.journal)
            }
        } catch {
            problem = Failure.describing(error)
        }
        guard let problem else { return error }
        var whole = failure
        whole.cause = [failure.cause, problem.sentence].compactMap(\.self).joined(separator: "; ")
        return whole
    }

    /// Recovers the services in the cluster. A cluster that has just come up holds nothing of the database's content,
    /// unless it was there all along.
    private func recover(
        _ instance: Instance, _ request: StartRequest
    ) async throws -> (RecoverReport?, Failure?) {
        guard instance.config.runtime.hasCluster, let ground = site.ground?(instance),
            try instance.settings.flag(.autoRecoverState)
        else { return (nil, nil) }
        do {
            let report = try await RecoverInstance(site: site, ground: ground, log: site.log)
                .run(
                    instance,
                    RecoverRequest(
                        wait: request.wait, limit: try request.limit ?? instance.startLimit()))
            return (try settle(report, instance, request), nil)
        } catch {
            let failure = Failure.describing(error, doing: "recover “\(instance.name)”")
            guard failure.kind != .interrupted, failure.kind != .terminated else { throw failure }
            site.log("State recovery failed: \(failure.message)")
            if !request.accept { try degrade(instance, failure.message) }
            return (nil, failure)
        }
    }

    /// Degrades the instance when something could not be recovered, unless that was accepted: now, or by an earlier
    /// start.
    private func settle(
        _ report: RecoverReport, _ instance: Instance, _ request: StartRequest
    ) throws -> RecoverReport {
        guard report.outcome == .partial else { return report }
        var config = try InstanceConfig.read(instance.folder.config)
        let failures = report.failures
        if request.accept { config.accepted = Set((config.accepted ?? []) + failures).sorted() }
        guard !Set(failures).isSubset(of: config.accepted ?? []) else {
            if request.accept { try config.write(to: instance.folder.config) }
            var accepted = report
            accepted.outcome = .done
            return accepted
        }
        try degrade(
            instance,
            "not everything could be recovered: \(failures.prefix(5).joined(separator: "; "))"
                + (failures.count > 5 ? " and \(failures.count - 5) more" : ""),
            lacks: failures)
        return report
    }

    private func degrade(_ instance: Instance, _ why: String, lacks: [String]? = nil) throws {
        var config = try InstanceConfig.read(instance.folder.config)
        config.degraded = .init(since: site.machine.clock.now(), why: why, lacks: lacks)
        try config.write(to: instance.folder.config)
    }

    private func checkPlace(_ instance: Instance, _ request: StartRequest) async throws {
        guard !request.force else { return }
        try await CheckExclusive(site: site).run(instance)
        try await KnownMounts(site: site).check(instance, verb: "started", "kecsctl start \(instance.name)")
    }

    /// Checks for other processes that use the data. A process that only reads is not a second server.
    private func checkHolders(_ instance: Instance, _ request: StartRequest) async throws -> [String] {
        let holders = FindHolders(site: site)
        var demand = FindHolders.Demand(verb: "started", force: request.force)
        demand.writersOnly = true
        demand.isStopped = true
        // Nothing is replaced: processes that could not be examined need not be reported at every start.
        demand.tellsUnseen = false
        return try await holders.check(instance, try await holders.parts(of: instance), demand)
    }

    /// The restore that must come first, in the order in which the cases are tried.
    private enum NeededRestore {
        case nothing
        case from(RestoreFrom)
        case newest([StoredBackup])
        case impossible(Failure)
    }

    /// Decides which restore must come first.
    ///
    /// - Throws: `Failure(.partial)` when some of the state is gone: then only a person can decide what is right.
    private func neededRestore(
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

    private struct Restored {
        var from: String
        var damaged: [String] = []
        var notes: [String] = []
    }

    private func restore(
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

    private func plan(_ name: InstanceName, _ request: StartRequest, isNew: Bool) async throws -> StartReport
    {
        if isNew {
            // What `create` would refuse is refused here.
            _ = try site.chosen(request.settings, for: name)
            let restores =
                request.restore == .none ? nil : try site.home.backupStore(of: name).latest()?.id.description
            return StartReport(
                outcome: .planned, state: RuntimeState.absent.name, created: true, restored: restores,
                restoreError: nil, degraded: nil, runsSomething: request.settings[.command] != nil,
                endpoints: [],
                durationSeconds: 0)
        }
        let instance = try site.instance(name, flags: request.settings)
        let runtime = try site.runtime(instance)
        var restores: String?
        if await !runtime.state().mayWrite {
            try await checkPlace(instance, request)
            switch try await neededRestore(instance, request) {
            case .nothing, .impossible: break
            case .from(let from):
                restores = try OpenRestoreSource(site: site).find(from, for: instance).name
            case .newest(let backups): restores = backups.first?.id.description
            }
            _ = try await checkHolders(instance, request)
        }
        return StartReport(
            outcome: .planned, state: await runtime.state().name, created: false, restored: restores,
            restoreError: nil, degraded: instance.config.degraded?.why, runsSomething: runtime.runsSomething,
            endpoints: await runtime.endpoints(), durationSeconds: 0)
    }
}
