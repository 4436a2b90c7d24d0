// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// The place where a tool records which migrations a database has seen, kept as the tool itself would keep it.
public struct MigrationLedger: Hashable, Sendable {
    public let tool: MigrationTool

    public init(_ tool: MigrationTool) { self.tool = tool }

    public struct Entry: Hashable, Sendable {
        public var version: Int64
        public var name: String?
        /// The checksum in hexadecimal.
        public var checksum: String?
        public var appliedAt: String?

        public init(version: Int64, name: String?, checksum: String?, appliedAt: String?) {
            self.version = version
            self.name = name
            self.checksum = checksum
            self.appliedAt = appliedAt
        }
    }

    public struct State: Hashable, Sendable {
        /// The applied migrations, by version.
        public var applied: [Entry] = []
        /// The version of a migration that the tool itself began and did not finish.
        public var dirty: Int64?

        public init(applied: [Entry] = [], dirty: Int64? = nil) {
            self.applied = applied
            self.dirty = dirty
        }
    }

    public var table: String {
        switch tool {
        case .kecsctl: "kecsctl_migrations"
        case .sqlx: "_sqlx_migrations"
        case .golangMigrate, .dbmate: "schema_migrations"
        }
    }

    /// Returns the tool whose ledger a database has; nil when it has none.
    public static func find(in database: SQLiteDatabase) throws -> MigrationTool? {
        let tables = Set(try database.ordinaryTables())
        if tables.contains("_sqlx_migrations") { return .sqlx }
        guard tables.contains("schema_migrations") else { return nil }
        let columns = try database.query("SELECT name FROM pragma_table_xinfo('schema_migrations')")
        return columns.contains { $0[0].text == "dirty" } ? .golangMigrate : .dbmate
    }

    public func read(_ database: SQLiteDatabase, known: [MigrationStep]) throws -> State {
        guard try database.ordinaryTables().contains(table) else { return State() }
        switch tool {
        case .kecsctl:
            let rows = try database.query(
                "SELECT version, name, checksum, applied_at FROM kecsctl_migrations ORDER BY version")
            return State(
                applied: rows.map {
                    Entry(
                        version: $0[0].integer ?? 0, name: $0[1].text, checksum: $0[2].text,
                        appliedAt: $0[3].text)
                })
        case .sqlx:
            let rows = try database.query(
                "SELECT version, description, checksum, installed_on, success FROM _sqlx_migrations ORDER BY version"
            )
            return State(
                applied: rows.map {
                    Entry(
                        version: $0[0].integer ?? 0, name: $0[1].text, checksum: $0[2].bytes.map { hex($0) },
                        appliedAt: $0[3].text)
                },
                dirty: rows.first { $0[4].integer == 0 }?[0].integer)
        case .golangMigrate:
            // A row with the reached version, which stands for all versions up to it.
            guard
                let row = try database.query("SELECT version, dirty FROM schema_migrations LIMIT 1").first,
                let current = row[0].integer
            else { return State() }
            var applied = known.filter { $0.version <= current }.map {
                Entry(version: $0.version, name: $0.name, checksum: nil, appliedAt: nil)
            }
            if !applied.contains(where: { $0.version == current }) {
                applied.append(Entry(version: current, name: nil, checksum: nil, appliedAt: nil))
            }
            return State(applied: applied, dirty: row[1].integer == 0 ? nil : current)
        case .dbmate:
            let rows = try database.query("SELECT version FROM schema_migrations ORDER BY version")
            return State(
                applied: try rows.map { row in
                    guard let version = row[0].integer ?? row[0].text.flatMap({ Int64($0) }) else {
                        throw MigrationProblem(.state, "schema_migrations has a version that is not a number")
                    }
                    return Entry(version: version, name: nil, checksum: nil, appliedAt: nil)
                })
        }
    }

    // MARK: Keeping it, inside the transaction of the migrations

    /// Creates the ledger with the tool's own statements, so that the tool finds it as if it had made it.
    public func create(in database: SQLiteDatabase) throws {
        guard try !database.ordinaryTables().contains(table) else { return }
        switch tool {
        case .kecsctl:
            try database.execute(
                """
                CREATE TABLE kecsctl_migrations (
                  version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL,
                  checksum TEXT NOT NULL, applied_at TEXT NOT NULL
                ) STRICT
                """)
        case .sqlx:
            // sqlx-sqlite, src/migrate.rs, ensure_migrations_table
            try database.execute(
                """
                CREATE TABLE _sqlx_migrations (
                    version BIGINT PRIMARY KEY,
                    description TEXT NOT NULL,
                    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
                    success BOOLEAN NOT NULL,
                    checksum BLOB NOT NULL,
                    execution_time BIGINT NOT NULL
                )
                """)
        case .golangMigrate:
            // golang-migrate, database/sqlite3/sqlite3.go, ensureVersionTable
            try database.execute("CREATE TABLE schema_migrations (version uint64,dirty bool)")
            try database.execute("CREATE UNIQUE INDEX version_unique ON schema_migrations (version)")
        case .dbmate:
            try database.execute("CREATE TABLE \"schema_migrations\" (version varchar(128) primary key)")
        }
    }

    /// - Parameter before: The applied migration below this one, for a tool that keeps only one.
    public func record(
        _ action: MigrationAction, before: MigrationStep?, took: Duration, at moment: Moment,
        in database: SQLiteDatabase
    ) throws {
        let migration = action.migration
        let version = SQLiteValue.integer(migration.version)
        switch (tool, action.direction) {
        case (.kecsctl, .up):
            try database.execute(
                "INSERT INTO kecsctl_migrations (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
                version, .text(migration.name), .text(migration.checksum ?? ""), .text(moment.description))
        case (.sqlx, .up):
            try database.execute(
                """
                INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                VALUES (?, ?, TRUE, ?, ?)
                """, version, .text(migration.name), .blob(unhex(migration.checksum ?? "")),
                .integer(took.wholeNanoseconds))
        case (.dbmate, .up):
            try database.execute(
                "INSERT INTO schema_migrations (version) VALUES (?)", .text(migration.versionText))
        case (.kecsctl, .down), (.sqlx, .down):
            try database.execute("DELETE FROM \(table) WHERE version = ?", version)
        case (.dbmate, .down):
            try database.execute(
                "DELETE FROM schema_migrations WHERE version = ?", .text(migration.versionText))
        case (.golangMigrate, _):
            try database.execute("DELETE FROM schema_migrations")
            guard let now = action.direction == .up ? migration : before else { return }
            try database.execute(
                "INSERT INTO schema_migrations (version, dirty) VALUES (?, ?)", .integer(now.version),
                .integer(0))
        }
    }
}

func unhex(_ text: String) -> [UInt8] {
    let digits = Array(text.utf8)
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
        UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
    }
}

extension Duration {
    var wholeNanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
