// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

/// Changes the runtime of an instance: backup, stop, data to the place where the new runtime looks for it, start. If
/// that does not become healthy, it goes back to the old runtime.
///
/// The configuration and the data are exchanged in one journaled step. A kill before it leaves the old runtime, a kill
/// after it the new one; the next kecsctl starts it.
public struct MigrateRuntime: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Changes the runtime. Call it under the instance's lock.
    public func run(
        _ instance: Instance, _ request: MigrateRuntimeRequest
    ) async throws -> MigrateRuntimeReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let old = try site.runtime(instance)
        let state = await old.state()
        if case .unknown(let why) = state { throw Failure.unknownState(of: instance, why) }
        let source = try await instance.statePlace(site)
        var report = MigrateRuntimeReport(
            outcome: .already, from: instance.config.runtime.rawValue, to: request.kind.rawValue,
            state: state.name, dataFrom: source.text, dataTo: source.text, notes: [], durationSeconds: 0)
        guard instance.config.runtime != request.kind else { return report }

        var candidate = try await self.candidate(instance, request)
        guard try !state.mayWrite || site.runtime(candidate).runsSomething else {
            throw Failure(
                .usage, "“\(instance.name)” would not run any more",
                cause: "without a command, \(request.kind.rawValue) has no server to start",
                remedy: "kecsctl migrate runtime --help")
        }
        if request.dryRun {
            report.outcome = .planned
            report.dataTo = try await candidate.statePlace(site).text
            return report
        }

        let taken = try await TakeBackup(site: site).run(
            instance, BackupRequest(reason: .beforeMigration, prune: false, force: request.force))
        report.backup = taken.backup?.id.description
        if !request.force, let lack = taken.lackError { throw lack }

        report.notes += try await KeepPreviousTrees(site: site, instance: instance).run()
        let known = try await site.inventory(of: instance, databases: .none)
        let id = try RestoreBackup(site: site).freeSwapID(clock.now(), "runtime", in: instance.folder)
        let staging = instance.folder.restoring.appending(id)
        var journal = Journal(
            operation: Journal.runtimeMigration, startedAt: clock.now(), runsAfterwards: state.mayWrite,
            swap: Swap(
                id: id, from: "\(report.from) runtime", units: [], staging: [staging],
                previous: instance.folder.previous.appending(id)))
        try journal.write(to: instance.folder.journal)
        do {
            // The new runtime gets ports, folders and volumes only when the old one has released them.
            if state.mayWrite { try await old.stop(limit: .seconds(60)) }
            candidate = try await prepared(candidate)
            let target = try await candidate.statePlace(site)
            report.dataTo = target.text
            candidate = try await renamed(candidate, from: source, of: known, to: target)
            let move = MoveData(site: site, instance: instance, candidate: candidate, id: id)
            let moved = try await move.stage(from: source, to: target, force: request.force, &journal)
            report.digest = moved.digest
            report.notes += moved.notes
            let config = staging.appending("config")
            try config.createFolder()
            try candidate.config.write(to: config.appending(InstanceFolder.configName))
            try config.syncFileSystem()
            let change = StagedTree(
                part: "config", staged: config,
                target: .entries(of: instance.folder.path, named: [InstanceFolder.configName]), label: "")
            let kept = instance.folder.previous.appending(id)
            journal.swap?.units = try change.units(kept: kept, id: id) + moved.units
            journal.swap?.phase = .swapping
            journal.fills = moved.fills.isEmpty ? nil : moved.fills
            try site.machine.cancellation.check()
            try journal.write(to: instance.folder.journal)
            try await MigrateRuntime.fill(moved.fills, candidate, site)
            try journal.swap?.exchange()
            report.state = try await start(candidate, request.limit, runs: state.mayWrite)
        } catch {
            let failure = Failure.describing(
                await goBack(from: candidate, to: instance, journal, after: error))
            throw Failure(
                failure.kind,
                "“\(instance.name)” did not come up with \(request.kind.rawValue), \(wherever(instance))",
                cause: failure.message + (failure.cause.map { ": \($0)" } ?? ""), remedy: failure.remedy)
        }
        try await settle(candidate, leaving: old, journal, &report)
        report.outcome = .done
        report.undo = id
        report.durationSeconds = (clock.elapsed() - began).inSeconds
        return report
    }

    // MARK: Decide

    /// Returns the instance as it would be: the same with another runtime and the given settings.
    private func candidate(_ instance: Instance, _ request: MigrateRuntimeRequest) async throws -> Instance {
        var config = instance.config
        config.runtime = request.kind
        config.settings.merge(try site.chosen(request.settings, for: instance.name)) { _, new in new }
        try config.fixPlace(site.machine.environment)
        let needsPorts =
            !request.kind.isDescribedElsewhere
            && (config.settings[SettingKey.container.rawValue] == nil
                || config.settings[SettingKey.image.rawValue] != nil)
            && (!request.kind.runsOnHost || config.settings[SettingKey.command.rawValue] != nil)
        if needsPorts {
            let homeLock = try await FileLock.acquire(
                site.home.lock, command: "migrate runtime", wait: .seconds(30), clock: site.machine.clock,
                cancellation: site.machine.cancellation)
            defer { homeLock.unlock() }
            let ports = try ChoosePorts(site: site).run(for: request.kind)
            for (key, port) in [(SettingKey.apiPort, ports.api), (.adminPort, ports.admin)]
            where config.settings[key.rawValue] == nil {
                config.settings[key.rawValue] = .integer(Int64(port))
            }
        }
        let candidate = try site.instance(instance.name, config: config, flags: instance.settings.flags)
        if try candidate.dataFolder() != instance.dataFolder() {
            try site.check(dataFolder: candidate.dataFolder(), for: instance.name)
        }
        return candidate
    }

    /// Returns the instance with the settings that the new runtime detects, which stay in effect, and the place where
    /// it keeps the data.
    private func prepared(_ candidate: Instance) async throws -> Instance {
        var config = candidate.config
        for (key, value) in try await site.runtime(candidate).provision.prepare() {
            config.settings[key.rawValue] = value
        }
        var prepared = try site.instance(candidate.name, config: config, flags: candidate.settings.flags)
        // A data folder outside the server's place would still be taken for a part of the instance.
        if case .volume = try await prepared.statePlace(site) {
            config.settings[SettingKey.dataDir.rawValue] = nil
            prepared = try site.instance(candidate.name, config: config, flags: candidate.settings.flags)
        }
        return prepared
    }

    /// Returns the instance with its old data part recorded as moved, when the new runtime gives that part another
    /// name, for example after its mount point.
    private func renamed(
        _ candidate: Instance, from source: Part.Place, of old: Inventory, to target: Part.Place
    ) async throws -> Instance {
        let new = try await site.inventory(of: candidate, databases: .none)
        func name(_ place: Part.Place, _ inventory: Inventory) -> String? {
            inventory.parts.first { part in
                switch (part.part.place, place) {
                case (.volume(let one, _), .volume(let other, _)): one == other
                case (.folder(let one), .folder(let other)): one == other
                default: false
                }
            }?.part.name
        }
        guard let before = name(source, old), let after = name(target, new), before != after else {
            return candidate
        }
        var config = candidate.config
        config.movedParts = Set((config.movedParts ?? []) + [before]).subtracting([after]).sorted()
        return try site.instance(candidate.name, config: config, flags: candidate.settings.flags)
    }

    // MARK: Act

    static func fill(_ fills: [Journal.VolumeFill], _ instance: Instance, _ site: Site) async throws {
        guard !fills.isEmpty else { return }
        let access = try volumes(of: instance, site)
        for fill in fills { try await access.fillVolume(fill.volume, from: fill.archive.path) }
    }

    func start(_ candidate: Instance, _ limit: Duration, runs: Bool) async throws -> String {
        let runtime = try site.runtime(candidate)
        if runs { try await runtime.start(limit: limit) }
        return await runtime.state().name
    }

    /// Once all was rolled back no journal is left.
    func wherever(_ instance: Instance) -> String {
        do {
            return try instance.folder.journal.isPresent
                ? "and could not be brought back" : "and is as before"
        } catch {
            return "and its state is unknown: \(error)"
        }
    }

    /// Goes back to the old runtime. The new one ends before anything is taken from under it. If that is impossible,
    /// the journal stays, and the next run continues with the new one.
    func goBack(
        from candidate: Instance, to instance: Instance, _ journal: Journal, after error: any Error
    ) async -> any Error {
        if journal.swap?.phase == .swapping {
            do {
                try await site.uninterrupted { site in
                    let new = try site.runtime(candidate)
                    try await new.stop(limit: .seconds(60))
                    try await new.provision.remove()
                }
            } catch let second {
                var failure = Failure.describing(error)
                failure.cause = [
                    failure.cause, "and it could not be ended again: \(Failure.describing(second).message)",
                ].compactMap(\.self).joined(separator: "; ")
                return failure
            }
        }
        return await TakeBack(site: site, instance: instance).run(
            journal, restart: journal.runsAfterwards, after: error)
    }

    /// Settles the finished migration: removes everything that only the old runtime needed.
    func settle(
        _ candidate: Instance, leaving old: any Runtime, _ journal: Journal,
        _ report: inout MigrateRuntimeReport
    ) async throws {
        do {
            try await old.provision.leave()
        } catch {
            // It is stopped. That it still exists does not change the result.
            report.notes.append(
                "what ran it before could not be removed: \(Failure.describing(error).message)")
        }
        try journal.swap?.removeStaging(site.machine.cancellation)
        candidate.folder.restoring.discard(into: candidate.folder.path, site.machine.cancellation)
        if let swap = journal.swap {
            try PreviousStack(folder: candidate.folder).settle(after: swap, site.machine.cancellation)
        }
        try Journal.close(candidate.folder.journal)
    }
}

extension Part.Place {
    /// The text for people and reports.
    var text: String {
        switch self {
        case .folder(let path): "\(PartRoot.folder(path))"
        case .entries(let folder, _): "\(PartRoot.folder(folder))"
        case .volume(let name, _): "\(PartRoot.volume(name))"
        }
    }
}
