// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
public import KecsSystem

/// A state as one JSON document in the shapes of the ECS API: each object as `aws ecs describe-…` prints it, and in a
/// member `kecs` the values that only KECS has. The same state is always the same text.
///
/// It contains neither the logs of tasks nor kecsctl's own tables in the database: its ledger of migrations, rejects.
public enum StateDocument {
    public static let kind = "StateDocument"
    public static let apiVersion = "kecsctl/v1"
    /// The tables that a document does not carry.
    public static let leftOut = ["task_logs", "kecsctl_meta", "kecsctl_migrations", "kecsctl_import_rejects"]

    /// - Parameter cluster: The name of an ECS cluster, to describe only its own objects and the ones that its services
    ///   need.
    /// - Returns: Nil when there is no such cluster.
    /// - Throws: `StateError` for a value that the API cannot express, `SQLiteError`.
    public static func describe(_ state: StateDatabase, cluster: String? = nil) throws -> JSONValue? {
        let database = state.database
        return try database.reading {
            var arn: String?
            if let cluster {
                arn = try database.value("SELECT arn FROM clusters WHERE name = ?", .text(cluster))?.text
                guard arn != nil else { return nil }
            }
            var members: [String: JSONValue] = ["apiVersion": .string(apiVersion), "kind": .string(kind)]
            for table in StateTable.all {
                let items = try items(of: table, clusterARN: arn, in: database)
                if !items.isEmpty { members[table.member] = .array(items) }
            }
            return .object(members)
        }
    }

    private static func items(
        of table: StateTable, clusterARN: String?, in database: SQLiteDatabase
    ) throws -> [JSONValue] {
        let columns = try StateColumn.all(of: table.name, in: database)
        let condition = clusterARN == nil ? "?1 IS NULL" : table.ofCluster
        let statement = try database.prepare(
            "SELECT * FROM \(table.name) WHERE \(condition) ORDER BY \(table.identity.joined(separator: ", "))"
        )
        var items: [JSONValue] = []
        try statement.run([SQLiteValue(clusterARN)]) { items.append(try item($0, table, columns)) }
        return items
    }

    private static func item(
        _ row: SQLiteRow, _ table: StateTable, _ columns: [StateColumn]
    ) throws -> JSONValue {
        var shape: [String: JSONValue] = [:]
        var own: [String: JSONValue] = [:]
        var verbatim: [String: JSONValue] = [:]
        let derived = StateRow.derived(from: row["arn"]?.text ?? row["principal_arn"]?.text, in: table)
        for column in columns {
            let stored = row[column.name] ?? .null
            guard stored != derived[column.name] else { continue }
            let value: JSONValue?
            switch stored {
            case .null: value = column.standard == .null ? nil : .null
            case .integer(let number): value = column.kind == .flag ? .bool(number != 0) : .integer(number)
            case .text(let text):
                value = try self.value(text, column, table)
                // The text that an import would not produce on its own: "", `null`, another order of members.
                if StateRow.text(of: value, column.kind) != text { verbatim[column.name] = .string(text) }
            case .real, .brokenText, .blob:
                throw StateError.unreadable(
                    table: table.name, column: column.name, why: "neither text nor a whole number")
            }
            guard let value else { continue }
            if table.own.contains(column.name) {
                own[table.key(of: column.name)] = value
            } else {
                shape[table.key(of: column.name)] = value
            }
        }
        if !verbatim.isEmpty { own["verbatim"] = .object(verbatim) }
        if !own.isEmpty { shape["kecs"] = .object(own) }
        return .object(shape)
    }

    private static func value(
        _ text: String, _ column: StateColumn, _ table: StateTable
    ) throws -> JSONValue? {
        guard !text.isEmpty else { return nil }
        guard column.kind == .json else { return .string(text) }
        do {
            let value = try JSONValue(parsing: text)
            return value == .null ? nil : value
        } catch {
            throw StateError.unreadable(table: table.name, column: column.name, why: "\(error)")
        }
    }
}
