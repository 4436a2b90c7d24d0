// SPDX-License-Identifier: Apache-2.0

/// What `restore` and `undo` did, or would do.
public struct RestoreReport: OperationReport {
    public static let kind = "RestoreReport"
    public var outcome: Outcome
    /// The backup's id or the file's path.
    public var from: String
    public var parts: [String]
    /// For `undo`; nil when there is nothing to take back.
    public var undo: String?
    /// Of the instance afterwards.
    public var state: String
    public var durationSeconds: Double
    /// The restore is done, but the instance did not come up again.
    public var startError: Failure?
    /// What the person should know: removed set-id bits, owners that could not be set.
    public var notes: [String]
    /// For `--dry-run`: what would change.
    public var changes: Difference?
    /// Of an `undo` of `doctor --fix`: each repair, and what became of it.
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
