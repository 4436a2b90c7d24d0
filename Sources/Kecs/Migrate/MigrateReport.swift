// SPDX-License-Identifier: Apache-2.0
public import KecsSQLite

/// The result of `migrate schema`, or its plan.
public struct MigrateReport: OperationReport {
    public static let kind = "MigrateReport"
    public var outcome: Outcome
    public var database: String
    /// Versions; 0 for a database before the first migration.
    public var from: Int64
    public var to: Int64
    public var applied: [MigrationRun.Step]
    /// The id of the backup, or the path of the copy; nil in a rehearsal.
    public var backup: String?
    public var rehearsal: MigrationRehearsal?
    /// The data that the files would destroy.
    public var lint: [MigrationFinding]
    /// Rows that did not fit, by table; they are kept in `kecsctl_import_rejects`.
    public var rejects: [String: Int64]
    public var notes: [String]
    public var durationSeconds: Double
}

/// The status of a database in `migrate status`.
public struct MigrationStatus: OperationReport {
    public static let kind = "MigrationStatus"
    public var outcome: Outcome
    public var database: String
    /// The tool that the migrations belong to: `kecsctl` for the control plane's database.
    public var tool: MigrationTool
    public var version: Int64
    public var newest: Int64
    public var migrations: [MigrationPlan.Item]
    /// The differences between the schema and the ledger.
    public var drift: [String]
    /// True when the columns gave the age, as there is no ledger.
    public var isRecognised: Bool

    public var pending: [MigrationPlan.Item] { migrations.filter { $0.state == .pending } }
}
