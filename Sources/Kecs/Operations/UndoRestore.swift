// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Undoes the newest restore that was not undone yet, by the same exchange: repeated, it walks back. The state that it
/// replaces is kept, and returns with `redo`.
public struct UndoRestore: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Undoes the restore. Call it under the instance's lock.
    public func run(
        _ instance: Instance, start: Bool = true, redo: Bool = false, force: Bool = false,
        dryRun: Bool = false
    ) async throws -> RestoreReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        guard let next = try PreviousStack(folder: instance.folder).next(redo: redo) else {
            guard try redo || PreviousStack(folder: instance.folder).next(redo: true) == nil else {
                throw Failure(
                    .notFound, "there is no restore of “\(instance.name)” left to take back",
                    cause:
                        "all that are kept were taken back; --redo brings back what the last “undo” took away",
                    remedy: "kecsctl undo \(instance.name) --redo")
            }
            throw Failure(
                .notFound,
                redo
                    ? "there is no undo of “\(instance.name)” to take back"
                    : "there is no restore of “\(instance.name)” to take back",
                cause: "\(instance.folder.previous) holds nothing",
                remedy: "kecsctl backups list \(instance.name)")
        }
        let record = next.swap
        try await record.checkPlaces(of: instance, site)
        let parts = next.parts
        let holders = FindHolders(site: site)
        var demand = FindHolders.Demand(verb: "undone", force: force)
        let notes = try await holders.check(instance, liveParts(record), demand)
        if dryRun {
            return RestoreReport(
                outcome: .planned, from: record.from, parts: parts, undo: nil, state: "",
                durationSeconds: (clock.elapsed() - began).inSeconds,
                notes: ["would put back what \(record.id) replaced"])
        }
        let runtime = try site.runtime(instance)
        let state = await runtime.state()
        if case .unknown(let why) = state { throw Failure.unknownState(of: instance, why) }
        // The state that an undo replaced is put in place as by a restore, so that it can be undone again.
        let id = try RestoreBackup(site: site).freeSwapID(
            clock.now(), next.isUndo ? "redo" : "undo", in: instance.folder)
        let kept = instance.folder.previous.appending(id)
        // The last exchange is taken back first: a part may lie in another one, and be exchanged in the other's new tree.
        var units = try record.units.reversed().map { unit in
            let old = unit.previous.path
            guard try unit.liveInode == nil || old.isPresent else {
                throw Failure(
                    .damaged, "the last restore of “\(instance.name)” cannot be rolled back",
                    cause: "what it replaced is not there any more: \(old)",
                    remedy: "kecsctl restore \(instance.name) --from latest")
            }
            return try Swap.Unit(
                part: unit.part, live: unit.live.path, staged: try old.isPresent ? old : nil,
                previous: Self.renamed(old, from: record.id, to: id), isRewritten: unit.isRewritten)
        }.nested()
        units += try sidecars(of: units)
        let fills = try await FillVolumes(site: site, instance: instance, runtime: runtime)
            .reversed(record.fills ?? [], isRunning: state.mayWrite)
        var swap = Swap(id: id, from: "undo of \(record.id)", units: units, staging: [], previous: kept)
        swap.phase = .swapping
        swap.fills = fills.isEmpty ? nil : fills
        swap.replaces = record.id
        var journal = Journal(
            operation: "undo", startedAt: clock.now(), runsAfterwards: state.mayWrite && start, swap: swap)
        journal.fills = swap.fills
        try journal.write(to: instance.folder.journal)
        do {
            if state.mayWrite { try await runtime.stop(limit: .seconds(60)) }
            demand.isStopped = true
            _ = try await holders.check(instance, liveParts(record), demand)
            try site.machine.cancellation.check()
            for fill in fills {
                try await runtime.volumeAccess.fillVolume(fill.volume, from: fill.archive.path)
            }
            try swap.exchange()
        } catch {
            throw await TakeBack(site: site, instance: instance).run(
                journal, restart: state.mayWrite, after: error)
        }
        var startFailure: Failure?
        let restored = try site.instance(instance.name, flags: instance.settings.flags)
        let runtimeNow = try site.runtime(restored)
        if state.mayWrite, start {
            startFailure = try await site.startAgain(restored, after: journal)
        }
        try forgetMoves(of: parts, in: restored)
        try PreviousStack(folder: instance.folder).settle(after: swap, site.machine.cancellation)
        try Journal.close(instance.folder.journal)
        return RestoreReport(
            outcome: startFailure == nil ? .done : .partial, from: "undo of \(record.id)", parts: parts,
            undo: id,
            state: await runtimeNow.state().name, durationSeconds: (clock.elapsed() - began).inSeconds,
            startError: startFailure, notes: notes)
    }

    /// What the restore had put into the part that took its place is not there any more.
    private func forgetMoves(of parts: [String], in instance: Instance) throws {
        guard try instance.folder.config.isPresent else { return }
        var config = try InstanceConfig.read(instance.folder.config)
        guard let moved = config.movedParts, !Set(moved).isDisjoint(with: parts) else { return }
        let rest = moved.filter { !parts.contains($0) }
        config.movedParts = rest.isEmpty ? nil : rest
        try config.write(to: instance.folder.config)
    }

    /// A write-ahead log belongs to the database that goes, and would be played into the one that comes back.
    private func sidecars(of units: [Swap.Unit]) throws -> [Swap.Unit] {
        var more: [Swap.Unit] = []
        for unit in units where unit.staged != nil {
            let live = unit.live.path
            guard try FileStatus.of(live)?.kind == .file, try DatabaseEngine(of: live) != nil else {
                continue
            }
            for suffix in DatabaseEngine.sidecarSuffixes {
                let sidecar = live.beside(suffix)
                guard try sidecar.isPresent, !units.contains(where: { $0.live.path == sidecar }) else {
                    continue
                }
                more.append(
                    try Swap.Unit(
                        part: unit.part, live: sidecar, staged: nil,
                        previous: unit.previous.path.beside(suffix)))
            }
        }
        return more
    }

    /// Returns the changes that can be undone, the newest first.
    public func kept(_ instance: Instance) throws -> [PreviousStack.Kept] {
        try PreviousStack(folder: instance.folder).records().map {
            PreviousStack.Kept(
                id: $0.swap.id, from: $0.swap.from, at: $0.at, parts: $0.parts, isUndo: $0.isUndo)
        }
    }

    /// Returns the parts that an undo would replace, and those that it would put in their place: a process that was
    /// overridden may still write to those.
    ///
    /// For single files in large numbers the folder that holds all of them stands for them: asking for each would take
    /// longer than the undo.
    private func liveParts(_ record: Swap) -> [Part] {
        let units = Dictionary(grouping: record.units.filter { $0.part != "config" }, by: \.part)
        let folders = units.sorted { $0.key < $1.key }.flatMap { name, units in
            [units.map(\.live.path), units.map(\.previous.path)].flatMap { paths in
                (paths.count > Self.mostPlaces ? [Self.commonFolder(of: paths)] : paths)
                    .map { Part(name: name, place: .folder($0)) }
            }
        }
        return folders
            + (record.fills ?? []).map {
                Part(name: $0.part ?? $0.volume, place: .volume($0.volume, at: nil))
            }
    }

    /// The largest number of places that holders are searched for one by one.
    private static let mostPlaces = 200

    private static func commonFolder(of paths: [FilePath]) -> FilePath {
        var common = paths[0].removingLastComponent()
        for path in paths.dropFirst() {
            while !path.starts(with: common) { common.removeLastComponent() }
        }
        return common
    }

    /// Returns the time of the restore that would be undone; nil when there is none.
    func last(_ instance: Instance) throws -> Moment? {
        try PreviousStack(folder: instance.folder).next()?.at
    }

    /// Returns the path for swap `new` that corresponds to `path` for swap `old`: in the instance's folder, or on a
    /// file system of its own.
    private static func renamed(_ path: FilePath, from old: String, to new: String) -> FilePath {
        var renamed = FilePath(root: path.root, [])
        for name in path.components {
            let isOurs = name.string == old || name.string.hasSuffix("-" + old)
            let bytes = isOurs ? name.bytes.dropLast(old.utf8.count) + Array(new.utf8) : name.bytes
            renamed = renamed.appending(bytes: Array(bytes))
        }
        return renamed
    }
}
