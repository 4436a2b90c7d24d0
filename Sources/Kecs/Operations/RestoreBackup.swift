// SPDX-License-Identifier: Apache-2.0
public import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// The options of `restore`.
public struct RestoreRequest: Sendable {
    public var from: RestoreFrom
    public var parts: [String]?
    /// The patterns of `--path`: only matching files are restored; `*` also matches a slash. They are matched against
    /// `data/kecs.db` and `kecs.db`.
    public var paths: [Glob]
    public var owners: OwnerMapping
    public var start: Bool
    public var force: Bool
    public var dryRun: Bool
    /// True when a backup of another instance is wanted: `--yes`.
    public var acceptsStrangers = false
    /// The database that a single database file replaces, as `PART/PATH`; nil for the one that the server uses.
    public var database: String?
    /// True when a foreign archive's only folder is part of the tree, regardless of its name.
    var keepsTop = false
    /// True when the database was converted from another engine's on the way: it may replace one of that engine.
    var changesEngine = false
    /// A check of each part's tree once it is staged, before anything is touched; an error from it ends the restore.
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

/// Restores a backup or a foreign file: stage, check, stop, exchange, start.
public struct RestoreBackup: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Restores the backup. Call it under the instance's lock. An instance that does not exist is made from the backup
    /// first, by `RebuildInstance`.
    ///
    /// - Parameter ask: Asks whether a backup of another instance is wanted; throws when not. Nil refuses it.
    public func run(
        _ instance: Instance, _ request: RestoreRequest, ask: ((String) throws -> Void)? = nil
    ) async throws -> RestoreReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let opened = try await OpenRestoreSource(site: site)
            .run(request.from, for: instance, parts: request.parts)
        defer { opened.close() }
        try checkOrigin(opened, of: instance, request, ask)
        if !request.force {
            try await KnownMounts(site: site).check(
                instance, verb: "restored", "kecsctl restore \(instance.name) --from \(opened.name)")
        }
        let runtime = try site.runtime(instance)
        if case .backup(_, let manifest) = opened.content, !request.force, request.paths.isEmpty {
            try runtime.provision.checkRestore(
                of: manifest, parts: Set(request.parts ?? manifest.parts.map(\.name)))
        }
        var inventory = try await inventory(instance, opened)
        let makesPlaces =
            await runtime.state() == .absent && lacksAnonymousVolume(opened, request, inventory)
        if request.dryRun {
            // An instance that is gone would be made; a dry run makes nothing.
            var preview = StageTrees(
                site: site, instance: instance, request: request, id: "preview", inventory: inventory)
            preview.isWithoutContainer = makesPlaces
            preview.volumes = try await foldersThatAreThere(opened, preview, runtime)
            _ = try await FindHolders(site: site).check(
                instance, preview.places(for: opened).map(\.livePart),
                FindHolders.Demand(verb: "restored", force: request.force))
            return try RestorePreview(site: site, stage: preview).run(opened, since: began)
        }
        if makesPlaces {
            _ = try await LoadImages(site: site).run(instance)
            try await runtime.provision.makePlaces()
            inventory = try await self.inventory(instance, opened)
        }
        let state = await runtime.state()
        if case .unknown(let why) = state { throw Failure.unknownState(of: instance, why) }
        let id = try freeSwapID(clock.now(), "restore", in: instance.folder)
        let kept = instance.folder.previous.appending(id)
        var stage = StageTrees(
            site: site, instance: instance, request: request, id: id, inventory: inventory)
        stage.volumes = try await foldersThatAreThere(opened, stage, runtime)
        var demand = FindHolders.Demand(verb: "restored", force: request.force)
        let holders = FindHolders(site: site)
        for note in try await holders.check(instance, stage.places(for: opened).map(\.livePart), demand) {
            stage.notes.add(note)
        }
        let filling = FillVolumes(site: site, instance: instance, runtime: runtime)
        // A volume is made and filled only when it is one of the instance's own.
        let volumes = try stage.volumes(of: opened)
        try await filling.makeReady(volumes, isRunning: state.mayWrite)
        stage.volumes = [:]
        for volume in volumes {
            stage.volumes[volume] = try await runtime.volumeAccess.folder(ofVolume: volume)
        }
        let places = try stage.places(for: opened)
        if !request.force { try await filling.checkRoom(for: places) }
        for note in try await KeepPreviousTrees(site: site, instance: instance).run() {
            stage.notes.add(note)
        }
        let fills = try await filling.keep(places)
        for fill in fills {
            guard let kept = fill.kept else { continue }
            stage.notes.add("what the volume “\(fill.volume)” held is kept in \(kept.path)")
        }
        var journal = Journal(
            operation: "restore", startedAt: clock.now(), runsAfterwards: state.mayWrite,
            swap: Swap(id: id, from: opened.name, units: [], staging: places.map(\.staging), previous: kept))
        try journal.write(to: instance.folder.journal)

        let successors = try stage.successors(for: opened)
        var stopBegan = false
        var restoredParts: [String] = []
        do {
            let trees = try stage.run(opened, places)
            restoredParts = trees.map(\.part)
            if state.mayWrite {
                stopBegan = true
                journal.mayBeStopped = true
                try journal.write(to: instance.folder.journal)
                try await runtime.stop(limit: .seconds(60))
            }
            // Finds processes that came meanwhile, and those that the stopped server left running.
            demand.isStopped = true
            _ = try await holders.check(instance, places.map(\.livePart), demand)
            for tree in trees {
                try KeepExcluded(cancellation: site.machine.cancellation).run(tree).map(stage.notes.add)
            }
            let units = try trees.units(kept: kept, id: id)
            for tree in trees { try tree.staged.syncFileSystem() }
            try site.machine.cancellation.check()
            journal.swap?.units = units
            journal.swap?.phase = .swapping
            journal.fills = fills.isEmpty ? nil : fills
            journal.swap?.fills = journal.fills
            journal.runsAfterwards = state.mayWrite && request.start
            try journal.write(to: instance.folder.journal)
            for fill in fills {
                try await runtime.volumeAccess.fillVolume(fill.volume, from: fill.archive.path)
            }
            try journal.swap?.exchange()
        } catch {
            // The live trees are unchanged; an instance that was stopped runs again.
            throw await TakeBack(site: site, instance: instance).run(
                journal, restart: stopBegan, after: error)
        }

        // From here the restore is a fact; a server that does not come up is reported, not rolled back.
        var startFailure: Failure?
        let restored = try site.instance(instance.name, flags: instance.settings.flags)
        let runtimeNow = try site.runtime(restored)
        try journal.swap?.removeStaging(site.machine.cancellation)
        if state.mayWrite, request.start {
            startFailure = try await site.startAgain(restored, after: journal)
            if startFailure == nil {
                do {
                    if let note = try await SeeRestored(site: site).run(
                        restored, inventory, parts: restoredParts + successors.values)
                    {
                        stage.notes.add(note)
                    }
                } catch {
                    // A restore that the server does not see is not a restore.
                    try journal.write(to: instance.folder.journal)
                    throw await TakeBack(site: site, instance: restored).run(
                        journal, restart: true, after: error)
                }
            }
        }
        instance.folder.restoring.discard(into: instance.folder.path, site.machine.cancellation)
        if let swap = journal.swap {
            try PreviousStack(folder: instance.folder).settle(after: swap, site.machine.cancellation)
        }
        try Journal.close(instance.folder.journal)
        let moved = restoredParts.filter { successors[$0] != nil }
        if !moved.isEmpty, request.paths.isEmpty {
            // Its data has another name now; that this one is not there is no loss.
            var config = try InstanceConfig.read(restored.folder.config)
            config.movedParts = Set((config.movedParts ?? []) + moved).sorted()
            try config.write(to: restored.folder.config)
        }
        if startFailure == nil, opened.endsDegradation, request.paths.isEmpty, restored.config.degraded != nil
        {
            var config = try InstanceConfig.read(restored.folder.config)
            config.degraded = nil
            try config.write(to: restored.folder.config)
        }
        try await KnownMounts(site: site).note(restored)
        return RestoreReport(
            outcome: startFailure == nil ? .done : .partial, from: opened.name,
            parts: restoredParts, undo: id, state: await runtimeNow.state().name,
            durationSeconds: (clock.elapsed() - began).inSeconds, startError: startFailure,
            notes: stage.notes.all)
    }

    /// Refuses a backup of another instance without a yes.
    private func checkOrigin(
        _ source: OpenedSource, of instance: Instance, _ request: RestoreRequest,
        _ ask: ((String) throws -> Void)?
    ) throws {
        guard !request.dryRun, !request.acceptsStrangers,
            case .backup(let backup, let manifest) = source.content,
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

    /// Returns the inventory; nil when the container is gone and the source is a backup, which says itself where its
    /// parts belong.
    private func inventory(_ instance: Instance, _ source: OpenedSource) async throws -> Inventory? {
        do {
            return try await site.inventory(of: instance)
        } catch let failure as Failure where failure.kind == .notFound {
            if case .backup = source.content { return nil }
            throw failure
        }
    }

    /// Returns true when a part goes into an anonymous volume that no container has now.
    private func lacksAnonymousVolume(
        _ source: OpenedSource, _ request: RestoreRequest, _ inventory: Inventory?
    ) -> Bool {
        guard let inventory, case .backup(_, let manifest) = source.content else { return false }
        return manifest.parts.contains { part in
            part.root.isAnonymousVolume && inventory.part(of: part) == nil
                && request.parts?.contains(part.name) ?? true
        }
    }

    /// Returns the folders of the volumes that exist, before the missing ones are made.
    private func foldersThatAreThere(
        _ source: OpenedSource, _ stage: StageTrees, _ runtime: any Runtime
    ) async throws -> [String: FilePath] {
        var folders: [String: FilePath] = [:]
        for volume in try stage.volumes(of: source) {
            do {
                folders[volume] = try await runtime.volumeAccess.folder(ofVolume: volume)
            } catch let failure as Failure where failure.kind == .notFound {
                continue
            }
        }
        return folders
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
