// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import SystemPackage

/// Takes back the last restore, by the same exchange; what it takes away is kept, so an undo can be undone.
public struct UndoRestore: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// To be called under the instance's lock.
    public func run(
        _ instance: Instance, start: Bool = true, dryRun: Bool = false
    ) async throws -> RestoreReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        guard let record = try newest(instance) else {
            throw Failure(
                .notFound, "there is no restore of “\(instance.name)” to take back",
                cause: "\(instance.folder.previous) holds nothing",
                remedy: "kecsctl backups list \(instance.name)")
        }
        try await record.checkPlaces(of: instance, site)
        let parts = Set(record.units.map(\.part)).union((record.fills ?? []).map(\.volume)).sorted()
        if dryRun {
            return RestoreReport(
                outcome: .planned, from: record.from, parts: parts, undo: nil, state: "",
                durationSeconds: (clock.elapsed() - began).inSeconds,
                notes: ["would put back what \(record.id) replaced"])
        }
        let runtime = try site.runtime(instance)
        let state = await runtime.state()
        if case .unknown(let why) = state {
            throw Failure(
                .unreachable, "it cannot be told whether “\(instance.name)” is running", cause: why,
                remedy: "kecsctl status \(instance.name)")
        }
        let id = try RestoreBackup(site: site).freeSwapID(clock.now(), "undo", in: instance.folder)
        let kept = instance.folder.previous.appending(id)
        let units = try record.units.map { unit in
            let old = unit.previous.path
            guard try unit.liveInode == nil || old.isPresent else {
                throw Failure(
                    .damaged, "the last restore of “\(instance.name)” cannot be taken back",
                    cause: "what it replaced is not there any more: \(old)",
                    remedy: "kecsctl restore \(instance.name) --from latest")
            }
            return try Swap.Unit(
                part: unit.part, live: unit.live.path, staged: old.isPresent ? old : nil,
                previous: Self.renamed(old, from: record.id, to: id), isRewritten: unit.isRewritten)
        }
        let fills = try await FillVolumes(site: site, instance: instance, runtime: runtime)
            .reversed(record.fills ?? [], isRunning: state.mayWrite)
        var swap = Swap(id: id, from: "undo of \(record.id)", units: units, staging: [], previous: kept)
        swap.phase = .swapping
        swap.fills = fills.isEmpty ? nil : fills
        var journal = Journal(
            operation: "undo", startedAt: clock.now(), runsAfterwards: state.mayWrite && start, swap: swap)
        journal.fills = swap.fills
        try journal.write(to: instance.folder.journal)
        do {
            if state.mayWrite { try await runtime.stop(limit: .seconds(60)) }
            try site.machine.cancellation.check()
            for fill in fills { try await runtime.fillVolume(fill.volume, from: fill.archive.path) }
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
        try RestoreBackup(site: site).dropOlderPrevious(in: instance.folder, but: id)
        try Journal.close(instance.folder.journal)
        return RestoreReport(
            outcome: startFailure == nil ? .done : .partial, from: "undo of \(record.id)", parts: parts,
            undo: id,
            state: await runtimeNow.state().name, durationSeconds: (clock.elapsed() - began).inSeconds,
            startError: startFailure)
    }

    private func newest(_ instance: Instance) throws -> Swap? {
        // Names with a dot are on their way out.
        let trees = (try instance.folder.previous.isPresent ? instance.folder.previous.entries() : [])
            .filter { !$0.string.hasPrefix(".") }
        return try trees.compactMap {
            try PreviousTrees(folder: instance.folder.previous.appending($0)).record()
        }.max { $0.id < $1.id }
    }

    /// When the restore, or the undo of one, was made that would be taken back; nil when there is none.
    func last(_ instance: Instance) throws -> Moment? {
        guard let record = try newest(instance) else { return nil }
        return try FileStatus.of(
            instance.folder.previous.appending(record.id).appending(Swap.recordName))?.modified
    }

    /// Where what lies at `path` for one swap would lie for another: with the instance, or on a file system of its own.
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
