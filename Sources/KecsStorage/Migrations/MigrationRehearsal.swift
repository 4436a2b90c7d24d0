// SPDX-License-Identifier: Apache-2.0

/// What trying migrations on a copy of the real data showed.
public struct MigrationRehearsal: Hashable, Sendable, Encodable {
    /// The first way there.
    public var steps: [MigrationRun.Step]
    public var seconds: Double
    /// Whether the way back was tried too.
    public var wasReversed: Bool
    /// Clauses: what the way back does not bring back, or the second way there makes different.
    public var findings: [String]
    /// Of the copy before and after.
    public var rowsBefore: [String: Int64]
    public var rowsAfter: [String: Int64]
}

extension MigrationRun {
    /// There, back and there again, each the way it will be on the real database.
    ///
    /// - Parameters:
    ///   - copy: A connection to a copy of the real database that nobody else has.
    ///   - afterwards: As in `apply`, for each way there.
    /// - Throws: `MigrationFailure` when the way there fails.
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
