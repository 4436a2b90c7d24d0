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
        let trees = try instance.folder.previous.isPresent ? instance.folder.previous.entries() : []
        let records = try trees.map { PreviousTrees(folder: instance.folder.previous.appending($0)) }
            .compactMap { trees in try trees.record().map { (trees, $0) } }
        guard let (trees, record) = records.max(by: { $0.1.id < $1.1.id }) else {
            throw Failure(
                .notFound, "there is no restore of “\(instance.name)” to take back",
                cause: "\(instance.folder.previous) holds nothing",
                remedy: "kecsctl backups list \(instance.name)")
        }
        let parts = Array(Set(record.units.map(\.part))).sorted()
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
        let id = RestoreBackup(site: site).freeSwapID(clock.now(), "undo", in: instance.folder)
        let kept = instance.folder.previous.appending(id)
        let units = try record.units.map { unit in
            let old = unit.previous.path
            let name = old.starts(with: trees.folder) ? nil : old.lastComponent
            // Beside the instance, or on the old tree's own file system under a name of this undo.
            let previous =
                name == nil
                ? kept.appending(old.components.dropFirst(trees.folder.components.count))
                : FilePath(bytes: old.bytes + Array("-\(id)".utf8))
            return try Swap.Unit(
                part: unit.part, live: unit.live.path, staged: old.isPresent ? old : nil, previous: previous)
        }
        var swap = Swap(id: id, from: "undo of \(record.id)", units: units, staging: [], previous: kept)
        swap.phase = .swapping
        try Journal(
            operation: "undo", startedAt: clock.now(), runsAfterwards: state.mayWrite, swap: swap
        ).write(to: instance.folder.journal)
        do {
            if state.mayWrite { try await runtime.stop(limit: .seconds(60)) }
            try swap.finish()
        } catch {
            try swap.takeBack()
            if state.mayWrite { try await runtime.start(limit: .seconds(120)) }
            try Journal.close(instance.folder.journal)
            throw error
        }
        try RestoreBackup(site: site).dropOlderPrevious(in: instance.folder, but: id)
        var startFailure: Failure?
        let restored = try site.instance(instance.name, flags: instance.settings.flags)
        let runtimeNow = try site.runtime(restored)
        if state.mayWrite, start {
            do {
                try await runtimeNow.start(limit: .seconds(120))
            } catch {
                startFailure = Failure.describing(error, doing: "start “\(instance.name)” after the undo")
            }
        }
        try Journal.close(instance.folder.journal)
        return RestoreReport(
            outcome: startFailure == nil ? .done : .partial, from: "undo of \(record.id)", parts: parts,
            undo: id,
            state: await runtimeNow.state().name, durationSeconds: (clock.elapsed() - began).inSeconds,
            startError: startFailure)
    }
}
