// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import KecsState
import SystemPackage

/// What `start` is asked to do.
public struct StartRequest: Sendable {
    public enum Restore: Hashable, Sendable {
        /// The newest good backup, only when the state is gone.
        case auto
        case latest
        case none
        case id(String)
    }

    /// Settings given as flags; on the first start they are written into the instance's configuration.
    public var settings: [SettingKey: String]
    public var restore: Restore
    /// Start as it is although it is degraded, and call it good.
    public var accept: Bool
    public var wait: Bool
    public var limit: Duration
    public var dryRun: Bool

    public init(
        settings: [SettingKey: String] = [:], restore: Restore = .auto, accept: Bool = false,
        wait: Bool = true,
        limit: Duration = .seconds(120), dryRun: Bool = false
    ) {
        self.settings = settings
        self.restore = restore
        self.accept = accept
        self.wait = wait
        self.limit = limit
        self.dryRun = dryRun
    }
}

/// Creates what is missing, restores a state that is gone, starts, waits until it answers.
public struct StartInstance: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    public func run(
        _ name: InstanceName, _ request: StartRequest, lock: LockRequest,
        healed: ([String]) -> Void = { _ in }
    ) async throws -> StartReport {
        let isNew = !site.home.folder(of: name).path.isFolder
        if request.dryRun { return try await plan(name, request, isNew: isNew) }
        if isNew { try await create(name, request, lock) }
        return try await site.locked(name, lock, flags: request.settings, healed: healed) { instance in
            try await start(try remember(request, in: instance), request, isNew: isNew)
        }
    }

    // MARK: Create

    /// Under the home's lock, so that two instances that are made at once do not choose the same ports.
    private func create(_ name: InstanceName, _ request: StartRequest, _ lock: LockRequest) async throws {
        let found = try await prepare(name, request)
        try site.home.instances.createFolder()
        let homeLock = try await FileLock.acquire(
            site.home.lock, command: lock.command, wait: max(lock.wait ?? .zero, .seconds(30)),
            clock: site.machine.clock, cancellation: site.machine.cancellation)
        defer { homeLock.unlock() }
        try Remains(home: site.home).sweep()
        guard !site.home.folder(of: name).path.isFolder else { return }
        let settings = try site.settings(flags: request.settings)
        guard let kind = RuntimeKind(rawValue: try settings.text(.runtime) ?? "") else {
            throw Failure(.usage, "no runtime is given", remedy: "kecsctl start \(name) --runtime local")
        }
        var config = InstanceConfig(
            name: name, id: site.newUUID(), createdAt: site.machine.clock.now(), runtime: kind)
        // A backup of an instance of this name, which is gone: it is the same instance that comes back.
        if request.restore != .none, let manifest = try site.home.backupStore(of: name).latest()?.manifest {
            config.id = manifest.instanceId
        }
        config.settings = try site.chosen(request.settings)
        for (key, value) in found { config.settings[key.rawValue] = value }
        try checkDataFolderIsFree(try site.instance(name, config: config, flags: request.settings))
        if kind != .local || config.settings[SettingKey.command.rawValue] != nil {
            let ports = try ChoosePorts(site: site).run(for: kind)
            for (key, port) in [(SettingKey.apiPort, ports.api), (.adminPort, ports.admin)]
            where config.settings[key.rawValue] == nil {
                config.settings[key.rawValue] = .integer(Int64(port))
            }
        }
        // It must be possible to run it before anything is made.
        _ = try site.runtime(try site.instance(name, config: config, flags: request.settings))
        try site.create(config, named: name)
    }

    /// Before the lock: an image may have to be fetched, which takes its time.
    private func prepare(
        _ name: InstanceName, _ request: StartRequest
    ) async throws -> [SettingKey: JSONValue] {
        guard
            let kind = RuntimeKind(rawValue: try site.settings(flags: request.settings).text(.runtime) ?? "")
        else { return [:] }
        var config = InstanceConfig(name: name, id: "", createdAt: site.machine.clock.now(), runtime: kind)
        config.settings = try site.chosen(request.settings)
        return try await site.runtime(try site.instance(name, config: config, flags: request.settings))
            .prepare()
    }

    /// Two control planes on one folder destroy each other's database. To be called under the home's lock.
    private func checkDataFolderIsFree(_ new: Instance) throws {
        let folder = try new.dataFolder()
        for name in try site.instanceNames() where name != new.name {
            // A broken instance has no data folder that could be read; it is told elsewhere.
            guard let other = try? site.instance(name), try other.dataFolder().isSameFolder(as: folder) else {
                continue
            }
            throw Failure(
                .busy, "the data folder of “\(new.name)” belongs to “\(name)” already",
                cause: "\(folder) can have one control plane only",
                remedy: "kecsctl start \(new.name) --data-dir \(folder)-\(new.name)")
        }
    }

    /// What was given now holds from now on.
    private func remember(_ request: StartRequest, in instance: Instance) throws -> Instance {
        var config = instance.config
        if let kind = request.settings[.runtime], kind != config.runtime.rawValue {
            throw Failure(
                .usage, "“\(instance.name)” runs with the runtime \(config.runtime.rawValue), not \(kind)",
                remedy: "kecsctl start \(instance.name)")
        }
        let chosen = try site.chosen(request.settings)
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

    private func start(_ given: Instance, _ request: StartRequest, isNew: Bool) async throws -> StartReport {
        var instance = given
        let clock = site.machine.clock
        let began = clock.elapsed()
        let before = await (try site.runtime(instance)).state()
        if case .unknown(let why) = before {
            throw Failure(
                .unreachable, "it cannot be told whether “\(instance.name)” is running", cause: why,
                remedy: "kecsctl status \(instance.name)")
        }
        var restored: String?
        var restoreFailure: Failure?
        if !before.mayWrite {
            do {
                restored = try await restoreIfNeeded(instance, request)
            } catch {
                let failure = Failure.describing(error, doing: "restore “\(instance.name)”")
                guard request.restore == .auto, site.machine.cancellation.reason == nil else {
                    throw failure
                }
                restoreFailure = failure
            }
            instance = try site.instance(instance.name, flags: request.settings)
        }
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
        let database = runtime.makesItsDatabase ? false : try createDatabase(instance)
        if runtime.runsSomething, before != .running {
            try Journal(operation: "start", startedAt: clock.now(), runsAfterwards: true)
                .write(to: instance.folder.journal)
            do {
                try await runtime.start(limit: request.wait ? request.limit : .zero)
            } catch {
                // Nothing half-started stays; what ran before, in part or frozen, is not for this start to end.
                let now = instance
                let ran = before.mayWrite
                try await site.seenThrough { site in
                    if !ran { try await site.runtime(now).stop(limit: .seconds(20)) }
                    try Journal.close(now.folder.journal)
                }
                throw error
            }
            try Journal.close(instance.folder.journal)
        }
        let (recovery, recoveryFailure) = try await recover(instance, request)
        instance = try site.instance(instance.name, flags: request.settings)
        let state = await runtime.state()
        let didSomething =
            isNew || database || restored != nil || before != state || recovery?.outcome == .done
        let isPartial = restoreFailure != nil || recoveryFailure != nil || recovery?.outcome == .partial
        var report = StartReport(
            outcome: isPartial ? .partial : didSomething ? .done : .already, state: state.name,
            created: isNew, restored: restored, restoreError: restoreFailure,
            degraded: instance.config.degraded?.why, runsSomething: runtime.runsSomething,
            endpoints: runtime.endpoints(), durationSeconds: (clock.elapsed() - began).inSeconds)
        report.recovery = recovery
        report.recoveryError = recoveryFailure
        return report
    }

    /// The cluster that has just come up holds nothing of what the database says, unless it was there all along.
    private func recover(
        _ instance: Instance, _ request: StartRequest
    ) async throws -> (RecoverReport?, Failure?) {
        guard instance.config.runtime == .k3d, let ground = site.ground?(instance),
            try instance.settings.flag(.autoRecoverState)
        else { return (nil, nil) }
        do {
            let report = try await RecoverInstance(site: site, ground: ground, log: site.log)
                .run(instance, RecoverRequest(wait: request.wait, limit: request.limit))
            return (try settle(report, instance, request), nil)
        } catch {
            let failure = Failure.describing(error, doing: "recover “\(instance.name)”")
            guard failure.kind != .interrupted, failure.kind != .terminated else { throw failure }
            site.log("State recovery failed: \(failure.message)")
            if !request.accept { try degrade(instance, failure.message) }
            return (nil, failure)
        }
    }

    /// What could not be recovered degrades the instance, unless it was accepted as it is: now, or by an earlier start.
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
                + (failures.count > 5 ? " and \(failures.count - 5) more" : ""))
        return report
    }

    private func degrade(_ instance: Instance, _ why: String) throws {
        var config = try InstanceConfig.read(instance.folder.config)
        config.degraded = .init(since: site.machine.clock.now(), why: why, isAcceptable: true)
        try config.write(to: instance.folder.config)
    }

    private func restoreIfNeeded(_ instance: Instance, _ request: StartRequest) async throws -> String? {
        let from: RestoreFrom
        switch request.restore {
        case .none: return nil
        case .latest: from = .latest
        case .id(let id): from = .id(id)
        case .auto:
            guard try await isGone(instance) else { return nil }
            guard try instance.backups.latest() != nil else {
                // There were backups, and none can be used: a fresh start would hide that.
                if let broken = try instance.backups.all().first(where: { $0.state != .incomplete }) {
                    throw Failure(
                        .damaged,
                        "the state of “\(instance.name)” is gone, and no backup of it can be restored",
                        cause: "the newest is \(broken.id)", remedy: "kecsctl backups verify --all")
                }
                return nil
            }
            from = .latest
        }
        return try await RestoreBackup(site: site).run(instance, RestoreRequest(from: from, start: false))
            .from
    }

    private func isGone(_ instance: Instance) async throws -> Bool {
        if let holds = try await site.runtime(instance).holdsState() { return !holds }
        return try StateOf.isEmpty(instance.dataFolder())
    }

    /// The state database at the newest schema, when the instance has none.
    ///
    /// - Returns: Whether it was created.
    private func createDatabase(_ instance: Instance) throws -> Bool {
        let file = try instance.databaseFile()
        guard !file.isPresent else { return false }
        let folder = file.removingLastComponent()
        try folder.createFolder()
        // Built beside and renamed: a kill leaves no half of a schema that looks like a state.
        let draft = folder.appending(".\(InstanceFolder.databaseName).creating")
        func removeDraft() throws {
            for suffix in [""] + DatabaseEngine.sqlite.sidecarSuffixes {
                let left = FilePath(bytes: draft.bytes + Array(suffix.utf8))
                if left.isPresent { try left.remove() }
            }
        }
        try removeDraft()
        do {
            _ = try StateDatabase.create(draft, at: site.machine.clock.now())
            // The last one to close a database moves its log into it, and says nothing when the disk is full: half of the
            // schema would be in a file that is not renamed with it.
            let log = FilePath(bytes: draft.bytes + Array("-wal".utf8))
            if log.isPresent {
                try SQLiteDatabase(draft, .readWrite).execute("PRAGMA wal_checkpoint(TRUNCATE)")
                guard !log.isPresent else { throw FileError("finish the database with", log, .ioError) }
            }
            try draft.sync()
            try draft.renameWithoutReplacing(to: file)
        } catch {
            try removeDraft()
            throw error
        }
        try folder.sync()
        return true
    }

    private func plan(_ name: InstanceName, _ request: StartRequest, isNew: Bool) async throws -> StartReport
    {
        if isNew {
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
        let isEmpty = try await isGone(instance)
        let restores =
            isEmpty && request.restore != .none ? try instance.backups.latest()?.id.description : nil
        return StartReport(
            outcome: .planned, state: await runtime.state().name, created: false, restored: restores,
            restoreError: nil, degraded: instance.config.degraded?.why, runsSomething: runtime.runsSomething,
            endpoints: runtime.endpoints(), durationSeconds: 0)
    }
}

/// Whether the control plane's data is gone.
enum StateOf {
    /// True for a folder that is missing or holds no entry at all but our own helpers'.
    static func isEmpty(_ folder: FilePath) throws -> Bool {
        guard folder.isPresent else { return true }
        let ignored =
            PartPlan.ours + PartPlan.lockFiles + [Array(".\(InstanceFolder.databaseName).creating".utf8)]
        return try folder.entries().allSatisfy { ignored.contains($0.bytes) }
    }
}
