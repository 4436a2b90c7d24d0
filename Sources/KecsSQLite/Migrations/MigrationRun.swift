// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// Brings a database from one version to another, with its ledger: all of it or nothing. It runs in one transaction. If
/// a script refuses that, it runs on a copy whose pages are then written back in one transaction of SQLite's own.
public struct MigrationRun: Sendable {
    public var ledger: MigrationLedger
    public var actions: [MigrationAction]
    /// The steps applied before, by version; `baseline` included.
    public var applied: [MigrationStep]
    /// The migrations that the shape of the database shows, and that are not in the ledger yet.
    public var baseline: [MigrationStep]
    /// The tool's own tables, which do not count when contents are compared.
    public var bookkeeping: Set<String>
    /// True when the way back must restore types and plain indexes too, not only columns, rows and unique indexes.
    public var comparesDefinitions = true
    public var now: @Sendable () -> Moment

    public init(
        ledger: MigrationLedger, actions: [MigrationAction], applied: [MigrationStep],
        baseline: [MigrationStep] = [], bookkeeping: Set<String>? = nil, now: @escaping @Sendable () -> Moment
    ) {
        self.ledger = ledger
        self.actions = actions
        self.applied = applied
        self.baseline = baseline
        self.bookkeeping = bookkeeping ?? [ledger.table]
        self.now = now
    }

    public struct Step: Hashable, Sendable, Encodable {
        public var version: Int64
        public var name: String
        public var direction: MigrationAction.Direction
        public var seconds: Double
    }

    /// True when all of it can run in one transaction.
    public var isOneTransaction: Bool {
        !actions.contains { $0.script?.refusesTransaction == true }
    }

    /// - Parameters:
    ///   - database: The real one, or a copy of it for a rehearsal.
    ///   - scratch: A folder for a copy, for a script that refuses to run inside a transaction; nil for the database's
    ///     own folder.
    ///   - afterwards: Runs in the same transaction, after the last action. An error that it throws rolls everything
    ///     back.
    /// - Throws: `MigrationFailure`; `SQLiteError` (`isBusy`) when the right to write is not available; `Interrupted`.
    ///   The database is then unchanged.
    public func apply(
        to database: SQLiteDatabase, scratch: FilePath? = nil,
        afterwards: (SQLiteDatabase, _ before: DatabaseContent) throws -> Void = { _, _ in }
    ) throws -> [Step] {
        guard isOneTransaction else {
            return try applyThroughCopy(
                to: database, scratch: scratch ?? database.path.beside(".migrating"), afterwards: afterwards)
        }
        let enforced = try database.value("PRAGMA foreign_keys")?.integer ?? 0
        // Inside a transaction this pragma does nothing, and a rebuilt table must not take its children with it.
        try database.execute("PRAGMA foreign_keys = OFF")
        defer { if enforced == 1 { try? database.execute("PRAGMA foreign_keys = ON") } }
        var before: DatabaseContent?
        do {
            return try database.transaction {
                let content = try database.content()
                before = content
                let orphans = try database.orphans()
                try begin(in: database)
                var inForce = applied
                var steps: [Step] = []
                for action in actions {
                    steps.append(try run(action, &inForce, in: database))
                }
                try afterwards(database, content)
                try check(database, orphansBefore: orphans)
                return steps
            }
        } catch var failure as MigrationFailure {
            if let before {
                failure.digestBefore = before.digest
                failure.digestAfter = try database.content().digest
            }
            throw failure
        }
    }

    /// Creates the ledger with the migrations that the shape of the database shows as applied.
    func begin(in database: SQLiteDatabase) throws {
        try ledger.create(in: database)
        for migration in baseline {
            try ledger.record(
                MigrationAction(.up, migration), before: nil, took: .zero, at: now(), in: database)
        }
    }

    func run(
        _ action: MigrationAction, _ inForce: inout [MigrationStep], in database: SQLiteDatabase
    ) throws -> Step {
        let migration = action.migration
        guard let script = action.script else {
            throw MigrationFailure(action, line: nil, why: "it has no way down")
        }
        let start = ContinuousClock.now
        for statement in splitSQL(script.sql) {
            if let why = statement.objection(outsideTransaction: script.refusesTransaction) {
                throw MigrationFailure(action, line: statement.line, why: why)
            }
            do {
                try database.execute(statement.sql)
            } catch let error as SQLiteError {
                throw MigrationFailure(action, line: statement.line, why: error.message, cause: error)
            }
        }
        if script.refusesTransaction, database.isInTransaction {
            throw MigrationFailure(action, line: nil, why: "it begins a transaction and does not end it")
        }
        let took = ContinuousClock.now - start
        inForce.removeAll { $0.version == migration.version }
        let below = inForce.filter { $0.version < migration.version }.max { $0.version < $1.version }
        try ledger.record(action, before: below, took: took, at: now(), in: database)
        if action.direction == .up { inForce.append(migration) }
        return Step(
            version: migration.version, name: migration.name, direction: action.direction,
            seconds: took.wholeSeconds)
    }

    func check(_ database: SQLiteDatabase, orphansBefore: [String: Int64]) throws {
        guard let last = actions.last else { return }
        for (reference, count) in try database.orphans().sorted(by: { $0.key < $1.key })
        where count > orphansBefore[reference] ?? 0 {
            throw MigrationFailure(
                last, line: nil,
                why:
                    "it breaks a foreign key: \(count - (orphansBefore[reference] ?? 0)) rows of \(reference)"
            )
        }
        let problems = try database.integrityProblems(limit: 3)
        guard problems.isEmpty else {
            throw MigrationFailure(
                last, line: nil, why: "the integrity check found: \(problems.joined(separator: "; "))")
        }
    }
}

/// A migration that could not be carried out. Everything was rolled back.
public struct MigrationFailure: Error, Sendable, CustomStringConvertible {
    public var version: Int64
    public var script: String
    public var direction: MigrationAction.Direction
    public var line: Int?
    public var why: String
    public var cause: SQLiteError?
    /// The digest of the whole content. It equals `digestAfter` unless another process wrote meanwhile.
    public var digestBefore: String?
    public var digestAfter: String?

    init(_ action: MigrationAction, line: Int?, why: String, cause: SQLiteError? = nil) {
        version = action.migration.version
        script = (action.script ?? action.migration.up).name
        direction = action.direction
        self.line = line
        self.why = why
        self.cause = cause
    }

    public var description: String {
        "\(script)\(line.map { ":\($0)" } ?? "") (\(direction.rawValue)): \(why)"
    }
}

extension SQLiteDatabase {
    /// Returns the number of rows that refer to nothing, by "child → parent".
    func orphans() throws -> [String: Int64] {
        var counts: [String: Int64] = [:]
        try prepare(
            "SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2"
        ).run { row in
            counts["\(row[0].text ?? "") → \(row[1].text ?? "")"] = row[2].integer
        }
        return counts
    }
}

extension Duration {
    /// The seconds to the microsecond.
    var wholeSeconds: Double {
        Double(components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000) / 1_000_000
    }
}
