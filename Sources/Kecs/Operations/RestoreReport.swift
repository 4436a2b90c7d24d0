// SPDX-License-Identifier: Apache-2.0

/// The report of `restore` and `undo`, also of their dry runs.
public struct RestoreReport: OperationReport {
    public static let kind = "RestoreReport"
    public var outcome: Outcome
    /// The backup's id or the file's path.
    public var from: String
    public var parts: [String]
    /// The id for `undo`; nil when there is nothing to take back.
    public var undo: String?
    /// The state of the instance afterwards.
    public var state: String
    public var durationSeconds: Double
    /// The error of the start: the restore is done, but the instance did not come up again.
    public var startError: Failure?
    /// The notes for the user: removed set-id bits, owners that could not be set.
    public var notes: [String]
    /// The changes that a `--dry-run` found.
    public var changes: Difference?
    /// The repairs that an `undo` of `doctor --fix` took back, each with its result.
    public var repairs: [RepairResult]?

    init(
        outcome: Outcome, from: String, parts: [String], undo: String?, state: String,
        durationSeconds: Double,
        startError: Failure? = nil, notes: [String] = [], changes: Difference? = nil
    ) {
        self.outcome = outcome
        self.from = from
        self.parts = parts
        self.undo = undo
        self.state = state
        self.durationSeconds = durationSeconds
        self.startError = startError
        self.notes = notes
        self.changes = changes
    }
}

extension Site {
    /// The state as it is once the lock is given back: what an earlier, interrupted operation owed was started after this one.
    public func refresh(_ report: inout RestoreReport, of name: InstanceName) async throws {
        guard !report.state.isEmpty else { return }
        report.state = await (try runtime(try instance(name))).state().name
    }
}
