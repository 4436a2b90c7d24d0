// SPDX-License-Identifier: Apache-2.0
public import KecsStorage
import KecsSystem
import SystemPackage

/// What `restore` is asked to do.
public struct RestoreRequest: Sendable {
    public var from: RestoreFrom
    public var parts: [String]?
    /// `--path`: only what one of these matches; `*` also matches a slash. Matched against `data/kecs.db` and `kecs.db`.
    public var paths: [Glob]
    public var owners: OwnerMapping
    public var start: Bool
    public var force: Bool
    public var dryRun: Bool
    /// A backup of another instance is wanted: `--yes`.
    public var acceptsStrangers = false
    /// Asked of each part's tree once it is unpacked beside, before anything is touched; what it throws ends the restore.
    var verify: (@Sendable (_ part: String, FilePath) throws -> Void)?

    public init(
        from: RestoreFrom, parts: [String]? = nil, paths: [Glob] = [], owners: OwnerMapping = .asRecorded,
        start: Bool = true, force: Bool = false, dryRun: Bool = false
    ) {
        self.from = from
        self.parts = parts
        self.paths = paths
        self.owners = owners
        self.start = start
        self.force = force
        self.dryRun = dryRun
    }
}

/// Brings a backup, or a foreign file, back: unpack beside, check, stop, exchange, start.
public struct RestoreBackup: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// To be called under the instance's lock. An instance that does not exist is made from the backup first, by
    /// `RebuildInstance`.
    ///
    /// - Parameter ask: Asks whether a backup of another instance is wanted; throws when not. Nil: it is refused.
    public func run(
        _ instance: Instance, _ request: RestoreRequest, ask: ((String) throws -> Void)? = nil
    ) async throws -> RestoreReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let opened = try OpenRestoreSource(site: site).run(request.from, for: instance)
        defer { opened.close() }
        try checkOrigin(opened, of: instance, request, ask)
        let runtime = try site.runtime(instance)
        if request.dryRun {
            let volumes = try await foldersOfVolumes(opened, request, runtime)
            return try RestorePreview(site: site).run(
                instance, request, opened, volumes: volumes, own: try await ownParts(opened, runtime),
                since: began)
        }
        let state = await runtime.state()
        if case .unknown(let why) = state {
            throw Failure(
                .unreachable, "it cannot be told whether “\(instance.name)” is running", cause: why,
                remedy: "kecsctl status \(instance.name)")
        }
        let id = try freeSwapID(clock.now(), "restore", in: instance.folder)
        let kept = instance.folder.previous.appending(id)
        let filling = FillVolumes(site: site, instance: instance, runtime: runtime)
        try await filling.makeReady(volumes(opened, request), isRunning: state.mayWrite)
        let volumes = try await foldersOfVolumes(opened, request, runtime)
        var stage = StageTrees(site: site, instance: instance, request: request, id: id, volumes: volumes)
        stage.own = try await ownParts(opened, runtime)
        let places = try stage.places(for: opened)
        if !request.force { try await filling.checkRoom(for: places) }
        let fills = try await filling.keep(places)
        for fill in fills {
            guard let kept = fill.kept else { continue }
            stage.notes.add("what the volume “\(fill.volume)” held is kept in \(kept.path)")
        }
        var journal = Journal(
            operation: "restore", startedAt: clock.now(), runsAfterwards: state.mayWrite,
            swap: Swap(id: id, from: opened.name, units: [], staging: places.map(\.staging), previous: kept))
        try journal.write(to: instance.folder.journal)

        var stopBegan = false
        do {
            let trees = try stage.run(opened, places)
            if state.mayWrite {
                stopBegan = true
                journal.mayBeStopped = true
                try journal.write(to: instance.folder.journal)
                try await runtime.stop(limit: .seconds(60))
            }
            let units = try trees.flatMap { try $0.units(kept: kept, id: id) }
            for tree in trees { try tree.staged.syncFileSystem() }
            try site.machine.cancellation.check()
            journal.swap?.units = units
            journal.swap?.phase = .swapping
            journal.fills = fills.isEmpty ? nil : fills
            journal.swap?.fills = journal.fills
            journal.runsAfterwards = state.mayWrite && request.start
            try journal.write(to: instance.folder.journal)
            for fill in fills { try await runtime.fillVolume(fill.volume, from: fill.archive.path) }
            try journal.swap?.exchange()
        } catch {
            // The live trees are what they were; who was stopped runs again.
            throw await TakeBack(site: site, instance: instance).run(
                journal, restart: stopBegan, after: error)
        }

        // From here the restore is a fact; a server that does not come up is told, not taken back.
        var startFailure: Failure?
        let restored = try site.instance(instance.name, flags: instance.settings.flags)
        let runtimeNow = try site.runtime(restored)
        try journal.swap?.removeStaging()
        if state.mayWrite, request.start {
            startFailure = try await site.startAgain(restored, after: journal)
        }
        instance.folder.restoring.discard(into: instance.folder.path)
        try dropOlderPrevious(in: instance.folder, but: id)
        try Journal.close(instance.folder.journal)
        if startFailure == nil, opened.endsDegradation, request.paths.isEmpty, restored.config.degraded != nil
        {
            var config = restored.config
            config.degraded = nil
            try config.write(to: restored.folder.config)
        }
        return RestoreReport(
            outcome: startFailure == nil ? .done : .partial, from: opened.name,
            parts: places.map(\.part), undo: id, state: await runtimeNow.state().name,
            durationSeconds: (clock.elapsed() - began).inSeconds, startError: startFailure,
            notes: stage.notes.all)
    }

    /// What another instance was is not taken for this one without a yes.
    private func checkOrigin(
        _ source: OpenedSource, of instance: Instance, _ request: RestoreRequest,
        _ ask: ((String) throws -> Void)?
    ) throws {
        guard !request.dryRun, !request.acceptsStrangers, case .backup(let backup, let manifest) = source.content,
            source.temporary != nil || backup.folder.removingLastComponent() != instance.backups.folder
                || backup.mark.isImported,
            manifest.instanceId != instance.config.id
        else { return }
        if let ask {
            return try ask(
                "“\(printable(Array(manifest.instance.utf8)))” "
                    + "(\(printable(Array(manifest.instanceId.utf8)))) is another instance"
                    + (manifest.host.map { ", on \(printable(Array($0.utf8)))" } ?? "")
                    + ". Restore its backup into “\(instance.name)”?")
        }
        let host = manifest.host.map { " on \(printable(Array($0.utf8)))" } ?? ""
        throw Failure(
            .usage, "“\(source.name)” is a backup of another instance",
            cause: "it is of “\(printable(Array(manifest.instance.utf8)))”\(host), "
                + "\(printable(Array(manifest.instanceId.utf8))); “\(instance.name)” is \(instance.config.id)",
            remedy: "kecsctl restore \(instance.name) --from \(source.argument) --yes")
    }

    /// Asked for only where a part's name does not say where it is.
    func ownParts(_ source: OpenedSource, _ runtime: any Runtime) async throws -> [Part] {
        guard case .backup(_, let manifest) = source.content,
            manifest.parts.contains(where: { !["data", "config", Part.objectStore].contains($0.name) })
        else { return [] }
        // Without its container an instance may not know; its own backups do then.
        do { return try await runtime.parts() } catch let failure as Failure
        where [.notFound, .failed].contains(failure.kind) { return [] }
    }

    private func volumes(_ source: OpenedSource, _ request: RestoreRequest) -> [String] {
        guard case .backup(_, let manifest) = source.content else { return [] }
        return manifest.parts.filter { request.parts?.contains($0.name) ?? true }.compactMap(\.volume)
    }

    private func foldersOfVolumes(
        _ source: OpenedSource, _ request: RestoreRequest, _ runtime: any Runtime
    ) async throws -> [String: FilePath] {
        var folders: [String: FilePath] = [:]
        for volume in volumes(source, request) {
            folders[volume] = try await runtime.folder(ofVolume: volume)
        }
        return folders
    }

    /// `.previous/` keeps the trees of the last restore only.
    func dropOlderPrevious(in folder: InstanceFolder, but id: String) throws {
        guard try folder.previous.isPresent else { return }
        for name in try folder.previous.entries() where name.string != id {
            try PreviousTrees(folder: folder.previous.appending(name)).remove(from: folder.path)
        }
    }

    func freeSwapID(_ moment: Moment, _ verb: String, in folder: InstanceFolder) throws -> String {
        try FreeName.first { number in
            try site.machine.cancellation.check()
            let id = "\(moment.compact)-\(verb)" + (number > 1 ? "-\(number)" : "")
            let isFree =
                try !folder.previous.appending(id).isPresent && !folder.restoring.appending(id).isPresent
            return isFree ? id : nil
        }
    }
}
