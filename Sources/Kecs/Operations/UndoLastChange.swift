// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// Undoes the newest change of an instance that can be undone, a restore or a `doctor --fix`.
public struct UndoLastChange: Sendable {
    public enum Change: Sendable, Hashable {
        case restore
        case repairs(at: Moment)
    }

    let site: Site

    public init(site: Site) { self.site = site }

    /// Returns the newest change, by the times of the files that record the changes: they are finer than the seconds in
    /// their names. Returns a restore when there is no change at all: its refusal says so.
    public func last(_ instance: Instance) throws -> Change {
        guard let repaired = try UndoRepairs(site: site).recorded(instance.name) else { return .restore }
        guard let restored = try UndoRestore(site: site).last(instance) else { return .repairs(at: repaired) }
        return restored > repaired ? .restore : .repairs(at: repaired)
    }

    /// Undoes the change. Call it under the instance's lock.
    public func run(
        _ instance: Instance, start: Bool = true, redo: Bool = false, force: Bool = false,
        dryRun: Bool = false
    ) async throws -> RestoreReport {
        if redo {
            return try await UndoRestore(site: site).run(
                instance, start: start, redo: true, force: force, dryRun: dryRun)
        }
        switch try last(instance) {
        case .restore:
            return try await UndoRestore(site: site).run(
                instance, start: start, force: force, dryRun: dryRun)
        case .repairs: return try UndoRepairs(site: site).report(instance, dryRun: dryRun)
        }
    }
}

extension UndoRepairs {
    /// Undoes the repairs and reports them as `undo` does: nothing is stopped or started for a mode or an owner.
    func report(_ instance: Instance, dryRun: Bool) throws -> RestoreReport {
        let began = site.machine.clock.elapsed()
        let results = dryRun ? try plan(instance.name) : try run(instance.name)
        var report = RestoreReport(
            outcome: dryRun ? .planned : .done, from: "doctor --fix", parts: [], undo: nil, state: "",
            durationSeconds: (site.machine.clock.elapsed() - began).inSeconds)
        report.repairs = results
        if results.contains(where: { $0.outcome == .failed }) { report.outcome = .partial }
        return report
    }
}
