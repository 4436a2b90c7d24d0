// SPDX-License-Identifier: Apache-2.0

/// The result of running migrations on a copy of the real data.
public struct MigrationRehearsal: Hashable, Sendable, Encodable {
    /// The steps of the first migration.
    public var steps: [MigrationRun.Step]
    public var seconds: Double
    /// True when the way back was rehearsed too.
    public var wasReversed: Bool
    /// Clauses on the differences after the way back, or after the second migration.
    public var findings: [String]
    /// The rows of the copy before the migrations; `rowsAfter`, after them.
    public var rowsBefore: [String: Int64]
    public var rowsAfter: [String: Int64]
}

extension MigrationRun {
    /// Migrates the copy, rolls it back and migrates it again, each time as on the real database.
    ///
    /// - Parameters:
    ///   - copy: A connection to a copy of the real database that no other process has open.
    ///   - afterwards: As in `apply`, for each migration forwards.
    /// - Throws: `MigrationFailure` when the migration forwards fails.
    public func rehearse(
        on copy: SQLiteDatabase,
        afterwards: (SQLiteDatabase, _ before: DatabaseContent) throws -> Void = { _, _ in }
    ) throws -> MigrationRehearsal {
        func content() throws -> DatabaseContent {
            var content = try copy.content { !bookkeeping.contains($0) }
            if !comparesDefinitions { content.schema = [:] }
            return content
        }
        let start = ContinuousClock.now
        let original = try content()
        let steps = try apply(to: copy, afterwards: afterwards)
        let seconds = (ContinuousClock.now - start).wholeSeconds
        let first = try content()
        var rehearsal = MigrationRehearsal(
            steps: steps, seconds: seconds, wasReversed: false, findings: [],
            rowsBefore: original.tables.mapValues(\.rows), rowsAfter: first.tables.mapValues(\.rows))
        guard actions.allSatisfy({ $0.reversed.script != nil }) else { return rehearsal }

        var back = self
        back.baseline = []
        back.applied = Self.inForce(applied, after: actions)
        back.actions = actions.reversed().map(\.reversed)
        do {
            _ = try back.apply(to: copy)
        } catch let failure as MigrationFailure {
            rehearsal.findings.append("the way back fails: \(failure)")
            return rehearsal
        }
        rehearsal.wasReversed = true
        rehearsal.findings += try content().differences(from: original).map { "after the way back \($0)" }
        var again = self
        again.baseline = []
        do {
            _ = try again.apply(to: copy, afterwards: afterwards)
            rehearsal.findings += try content().differences(from: first).map { "the second time \($0)" }
        } catch let failure as MigrationFailure {
            rehearsal.findings.append("the second time fails: \(failure)")
        }
        return rehearsal
    }

    static func inForce(_ applied: [MigrationStep], after actions: [MigrationAction]) -> [MigrationStep] {
        var result = applied
        for action in actions {
            result.removeAll { $0.version == action.migration.version }
            if action.direction == .up { result.append(action.migration) }
        }
        return result
    }
}
