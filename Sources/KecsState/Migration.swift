// SPDX-License-Identifier: Apache-2.0
public import KecsSQLite
public import KecsSystem

/// A line of the ledger: a step as it was applied.
public struct AppliedStep: Hashable, Sendable {
    public let version: Int64
    public let name: String
    public let checksum: String
    public let appliedAt: String
}

/// Brings a database from the version in its `user_version` to another one, in one transaction: all of it or nothing.
public struct Migration: Sendable {
    public let history: SchemaHistory

    public init(_ history: SchemaHistory = .kecs) { self.history = history }

    /// - Parameter now: The time for the ledger.
    /// - Returns: The steps that ran, in order; none when the database already has the target version.
    /// - Throws: `StateError`, `SQLiteError`; the database is then unchanged.
    @discardableResult
    public func run(
        _ database: SQLiteDatabase, to target: Int64, at now: Moment
    ) throws -> [SchemaHistory.Move] {
        // Tables are rebuilt by creating, filling and renaming, which enforced keys would forbid; the setting cannot be
        // changed inside the transaction. The result of the steps is checked at its end.
        let enforced = try database.value("PRAGMA foreign_keys") ?? 0
        try database.execute("PRAGMA foreign_keys = OFF")
        let outcome = Result { try move(database, to: target, at: now) }
        try database.execute("PRAGMA foreign_keys = \(enforced.integer ?? 0)")
        return try outcome.get()
    }

    private func move(
        _ database: SQLiteDatabase, to target: Int64, at now: Moment
    ) throws -> [SchemaHistory.Move] {
        try database.transaction {
            // Read inside the transaction: another kecsctl may have been faster.
            let version = try database.value("PRAGMA user_version")?.integer ?? 0
            let moves = try history.moves(from: version, to: target)
            for move in moves {
                try database.executeScript(move.sql)
                try enter(move, in: database, at: now)
            }
            if !moves.isEmpty { try checkReferences(of: database) }
            return moves
        }
    }

    /// The ledger, oldest first; empty when there is none.
    public func applied(in database: SQLiteDatabase) throws -> [AppliedStep] {
        guard try hasLedger(database) else { return [] }
        return try database.query(
            "SELECT version, name, checksum, applied_at FROM kecsctl_migrations ORDER BY version"
        ).map { row in
            AppliedStep(
                version: row[0].integer ?? 0, name: row[1].text ?? "", checksum: row[2].text ?? "",
                appliedAt: row[3].text ?? "")
        }
    }

    /// Returns the applied steps whose SQL differs from this program's. Entries of other histories in the same ledger
    /// are ignored.
    public func changedSteps(in database: SQLiteDatabase) throws -> [AppliedStep] {
        try applied(in: database).filter { applied in
            history.steps.contains { $0.version == applied.version && $0.checksum != applied.checksum }
        }
    }

    private func enter(_ move: SchemaHistory.Move, in database: SQLiteDatabase, at now: Moment) throws {
        let step = move.step
        try database.execute("PRAGMA user_version = \(move.versionAfter)")
        // The way down from the first step takes the ledger with it.
        guard try hasLedger(database) else { return }
        if move.isUp {
            try database.execute(
                "INSERT INTO kecsctl_migrations(version, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
                .integer(step.version), .text(step.name), .text(step.checksum), .text(now.description))
        } else {
            try database.execute("DELETE FROM kecsctl_migrations WHERE version = ?", .integer(step.version))
        }
    }

    private func hasLedger(_ database: SQLiteDatabase) throws -> Bool {
        try database.value("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'kecsctl_migrations'")
            != nil
    }

    private func checkReferences(of database: SQLiteDatabase) throws {
        let violations = try database.foreignKeyViolations()
        guard !violations.isEmpty else { return }
        let counts = Dictionary(grouping: violations) { "\($0.table) → \($0.parent)" }.mapValues(\.count)
        throw StateError.brokenReferences(counts.map { "\($0.key) (\($0.value))" }.sorted())
    }
}
