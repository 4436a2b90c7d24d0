// SPDX-License-Identifier: Apache-2.0

/// A numbered change of a schema, with the way back where there is one.
public struct MigrationStep: Hashable, Sendable {
    public struct Script: Hashable, Sendable {
        /// The name in messages: "20250612_clusters_text.sql".
        public var name: String
        public var sql: String
        /// Marked by its author as impossible inside a transaction.
        public var refusesTransaction: Bool

        public init(name: String, sql: String, refusesTransaction: Bool = false) {
            self.name = name
            self.sql = sql
            self.refusesTransaction = refusesTransaction
        }
    }

    public var version: Int64
    /// The version as its tool writes it, with leading zeros.
    public var versionText: String
    /// The name as its tool writes it into its ledger.
    public var name: String
    public var up: Script
    public var down: Script?
    /// The checksum of the file in the tool's ledger, in hexadecimal; nil for tools that keep none.
    public var checksum: String?

    public init(
        version: Int64, versionText: String? = nil, name: String, up: Script, down: Script?, checksum: String?
    ) {
        self.version = version
        self.versionText = versionText ?? "\(version)"
        self.name = name
        self.up = up
        self.down = down
        self.checksum = checksum
    }
}

/// A migration in one direction.
public struct MigrationAction: Hashable, Sendable {
    public enum Direction: String, Hashable, Sendable, Codable { case up, down }

    public var migration: MigrationStep
    public var direction: Direction

    public init(_ direction: Direction, _ migration: MigrationStep) {
        self.migration = migration
        self.direction = direction
    }

    /// The script; nil for a way down that does not exist.
    public var script: MigrationStep.Script? { direction == .up ? migration.up : migration.down }

    public var reversed: MigrationAction {
        MigrationAction(direction == .up ? .down : .up, migration)
    }
}

/// The tool that defines the ledger and the file names.
public enum MigrationTool: String, Hashable, Sendable, Codable, CaseIterable {
    case kecsctl, sqlx, dbmate
    case golangMigrate = "golang-migrate"
}

/// An error in migrations that is found before any of them runs. `why` is a clause.
public struct MigrationProblem: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Kind: Hashable, Sendable {
        /// The files or the request are wrong.
        case usage
        /// The ledger and the files do not agree, or a run of the other tool ended half-way.
        case state
        /// The database is of a later version than the files.
        case newer
    }
    public var kind: Kind
    public var why: String

    public init(_ kind: Kind, _ why: String) {
        self.kind = kind
        self.why = why
    }

    public var description: String { why }
}
