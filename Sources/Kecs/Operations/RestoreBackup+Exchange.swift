// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// A restore that is decided, and recorded in the instance's journal. Nothing live has been touched yet.
struct RestorePlan {
    /// Of the swap, for `undo`.
    let id: String
    let kept: FilePath
    let state: RuntimeState
    let inventory: Inventory?
    var stage: StageTrees
    let places: [StageTrees.Place]
    let fills: [Journal.VolumeFill]
    /// By the names of a backup's parts, those that take their place.
    let successors: [String: String]
    var demand: FindHolders.Demand
    var journal: Journal
}

extension RestoreBackup {
    /// Decides what goes where, keeps what volumes hold, and writes the journal.
    ///
    /// - Throws: `Failure`, with nothing changed, when something holds what would be replaced or there is no room for it.
    func plan(
        _ instance: Instance, _ request: RestoreRequest, _ source: OpenedSource, _ runtime: any Runtime,
        _ inventory: Inventory?
    ) async throws -> RestorePlan {
        let state = await runtime.state()
        if case .unknown(let why) = state { throw Failure.unknownState(of: instance, why) }
        let id = try freeSwapID(site.machine.clock.now(), "restore", in: instance.folder)
        let kept = instance.folder.previous.appending(id)
        var stage = StageTrees(
            site: site, instance: instance, request: request, id: id, inventory: inventory)
        stage.volumes = try await foldersThatAreThere(source, stage, runtime)
        let demand = FindHolders.Demand(verb: "restored", force: request.force)
        let held = try await FindHolders(site: site).check(
            instance, stage.places(for: source).map(\.livePart), demand)
        for note in held { stage.notes.add(note) }
        let filling = FillVolumes(site: site, instance: instance, runtime: runtime)
        // A volume is made and filled only when it is one of the instance's own.
        let volumes = try stage.volumes(of: source)
        try await filling.makeReady(volumes, isRunning: state.mayWrite)
        stage.volumes = [:]
        for volume in volumes {
            stage.volumes[volume] = try await runtime.volumeAccess.folder(ofVolume: volume)
        }
        let places = try stage.places(for: source)
        if !request.force { try await filling.checkRoom(for: places) }
        for note in try await KeepPreviousTrees(site: site, instance: instance).run() {
            stage.notes.add(note)
        }
        let fills = try await filling.keep(places)
        for fill in fills {
            guard let kept = fill.kept else { continue }
            stage.notes.add("what the volume “\(fill.volume)” held is kept in \(kept.path)")
        }
        let journal = Journal(
            operation: "restore", startedAt: site.machine.clock.now(), runsAfterwards: state.mayWrite,
            swap: Swap(id: id, from: source.name, units: [], staging: places.map(\.staging), previous: kept))
        try journal.write(to: instance.folder.journal)
        return RestorePlan(
            id: id, kept: kept, state: state, inventory: inventory, stage: stage, places: places,
            fills: fills, successors: try stage.successors(for: source), demand: demand, journal: journal)
    }

    /// Stages and checks what is restored, stops the server, and exchanges the trees.
    ///
    /// - Returns: The restored parts.
    /// - Throws: With the live trees unchanged; an instance that was stopped runs again.
    func exchange(
        _ plan: inout RestorePlan, of instance: Instance, _ request: RestoreRequest, _ source: OpenedSource,
        _ runtime: any Runtime
    ) async throws -> [String] {
        var stopBegan = false
        do {
            let trees = try plan.stage.run(source, plan.places)
            if plan.state.mayWrite {
                stopBegan = true
                plan.journal.mayBeStopped = true
                try plan.journal.write(to: instance.folder.journal)
                try await runtime.stop(limit: .seconds(60))
            }
            // Finds processes that came meanwhile, and those that the stopped server left running.
            plan.demand.isStopped = true
            _ = try await FindHolders(site: site).check(
                instance, plan.places.map(\.livePart), plan.demand)
            for tree in trees {
                try KeepExcluded(cancellation: site.machine.cancellation).run(tree)
                    .map(plan.stage.notes.add)
            }
            let units = try trees.units(kept: plan.kept, id: plan.id)
            for tree in trees { try tree.staged.syncFileSystem() }
            try site.machine.cancellation.check()
            plan.journal.swap?.units = units
            plan.journal.swap?.phase = .swapping
            plan.journal.fills = plan.fills.isEmpty ? nil : plan.fills
            plan.journal.swap?.fills = plan.journal.fills
            plan.journal.runsAfterwards = plan.state.mayWrite && request.start
            try plan.journal.write(to: instance.folder.journal)
            for fill in plan.fills {
                try await runtime.volumeAccess.fillVolume(fill.volume, from: fill.archive.path)
            }
            try plan.journal.swap?.exchange()
            return trees.map(\.part)
        } catch {
            throw await TakeBack(site: site, instance: instance).run(
                plan.journal, restart: stopBegan, after: error)
        }
    }

    /// Starts the server on what was restored, and asks it what it sees. From here the restore is a fact; a server that
    /// does not come up is reported, not rolled back.
    ///
    /// - Returns: The instance as its settings are now, and why its server did not start.
    /// - Throws: With the restore taken back, when the server sees something else.
    func startAgain(
        _ plan: inout RestorePlan, _ instance: Instance, _ request: RestoreRequest, _ parts: [String]
    ) async throws -> (restored: Instance, failure: Failure?) {
        let restored = try site.instance(instance.name, flags: instance.settings.flags)
        // Settings that make no sense are told while the journal still knows everything.
        _ = try site.runtime(restored)
        try plan.journal.swap?.removeStaging(site.machine.cancellation)
        guard plan.state.mayWrite, request.start else { return (restored, nil) }
        if let failure = try await site.startAgain(restored, after: plan.journal) {
            return (restored, failure)
        }
        do {
            let note = try await SeeRestored(site: site).run(
                restored, plan.inventory, parts: parts + plan.successors.values)
            if let note { plan.stage.notes.add(note) }
        } catch {
            // A restore that the server does not see is not a restore.
            try plan.journal.write(to: instance.folder.journal)
            throw await TakeBack(site: site, instance: restored).run(
                plan.journal, restart: true, after: error)
        }
        return (restored, nil)
    }

    /// Closes the journal, and records what the restore means for the instance.
    func settle(
        _ plan: RestorePlan, of instance: Instance, _ restored: Instance, _ request: RestoreRequest,
        _ source: OpenedSource, _ parts: [String], hasStarted: Bool
    ) throws {
        instance.folder.restoring.discard(into: instance.folder.path, site.machine.cancellation)
        if let swap = plan.journal.swap {
            try PreviousStack(folder: instance.folder).settle(after: swap, site.machine.cancellation)
        }
        try Journal.close(instance.folder.journal)
        guard request.paths.isEmpty else { return }
        let moved = parts.filter { plan.successors[$0] != nil }
        let endsDegradation = hasStarted && source.endsDegradation && restored.config.degraded != nil
        guard !moved.isEmpty || endsDegradation else { return }
        var config = try InstanceConfig.read(restored.folder.config)
        // Its data has another name now; that this one is not there is no loss.
        if !moved.isEmpty { config.movedParts = Set((config.movedParts ?? []) + moved).sorted() }
        if endsDegradation { config.degraded = nil }
        try config.write(to: restored.folder.config)
    }
}
