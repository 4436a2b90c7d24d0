// SPDX-License-Identifier: Apache-2.0
public import KecsSQLite
public import KecsSystem

/// A row that differs between a database and a document.
public struct StateChange: Hashable, Sendable, Encodable {
    public enum Verb: String, Hashable, Sendable, Encodable { case add, change, remove }

    public struct Value: Hashable, Sendable, Encodable {
        /// The name in the document.
        public var name: String
        public var from: String?
        public var to: String?
    }

    public var verb: Verb
    public var table: String
    /// "default/web": the end of its ARN, or its name.
    public var object: String
    /// The differing values, for a change.
    public var values: [Value]

    private enum CodingKeys: String, CodingKey { case verb, table, object, values }

    /// The values to write.
    var row: [String: SQLiteValue] = [:]
    var identity: [String: SQLiteValue] = [:]
}

extension StateDocument {
    /// The changes that an import would make.
    public struct Difference: Sendable {
        public var changes: [StateChange] = []
        /// Members that have no place in the database: "services: deployments, events".
        public var ignored: [String] = []
        /// Things that will not work as they stand.
        public var remarks: [String] = []
    }

    /// Compares a document with a database. Reads only.
    ///
    /// - Parameters:
    ///   - prune: True to remove rows of the document's clusters that the document does not have.
    ///   - now: The time for values that the document does not give.
    ///   - newID: Called for rows with an id of their own that the document does not give.
    /// - Throws: `StateDocumentError` for an invalid document.
    public static func difference(
        of document: JSONValue, from state: StateDatabase, prune: Bool, now: Moment, newID: () -> String
    ) throws -> Difference {
        try check(document)
        var difference = Difference()
        var removals: [StateChange] = []
        let clusters = (document["clusters"]?.array ?? []).compactMap { $0["clusterArn"]?.string }
        for table in StateTable.all {
            let columns = try StateColumn.all(of: table.name, in: state.database)
            let items = document[table.member]?.array ?? []
            let rows = try items.enumerated().map {
                try StateRow($0.element, table, columns, at: "\(table.member)[\($0.offset)]")
            }
            var seen: Set<[SQLiteValue]> = []
            for (index, row) in rows.enumerated() {
                let identity = table.identity.map { row.values[$0] ?? .null }
                guard seen.insert(identity).inserted else {
                    throw StateDocumentError(
                        "\(table.member)[\(index)]", "the same object is listed twice")
                }
                if let change = try change(
                    to: row, table, columns, at: "\(table.member)[\(index)]", in: state.database, now: now,
                    newID: newID)
                {
                    difference.changes.append(change)
                }
            }
            let ignored = rows.reduce(into: Set<String>()) { $0.formUnion($1.ignored) }
            if !ignored.isEmpty {
                difference.ignored.append("\(table.member): \(ignored.sorted().joined(separator: ", "))")
            }
            if prune, table.belongsToCluster {
                for cluster in clusters {
                    removals += try existingRows(of: table, cluster, in: state.database)
                        .filter { row in !seen.contains(table.identity.map { row[$0] ?? .null }) }
                        .map { removal($0, table) }
                }
            }
        }
        // Children first: rows that refer to a row go before it.
        difference.changes += removals.reversed()
        difference.remarks = remarks(on: document)
        return difference
    }

    /// Makes the changes, all of them or none.
    ///
    /// - Throws: `StateError.brokenReferences` when a row would refer to nothing, `SQLiteError`.
    public static func apply(_ changes: [StateChange], to database: SQLiteDatabase) throws {
        for change in changes {
            switch change.verb {
            case .add:
                let columns = change.row.keys.sorted()
                try database.prepare(
                    "INSERT INTO \(change.table) (\(columns.joined(separator: ", "))) VALUES "
                        + "(\(columns.map { _ in "?" }.joined(separator: ", ")))"
                ).run(columns.map { change.row[$0] ?? .null })
            case .change:
                let columns = change.row.keys.sorted()
                let keys = change.identity.keys.sorted()
                try database.prepare(
                    "UPDATE \(change.table) SET \(columns.map { "\($0) = ?" }.joined(separator: ", ")) WHERE "
                        + keys.map { "\($0) IS ?" }.joined(separator: " AND ")
                ).run(columns.map { change.row[$0] ?? .null } + keys.map { change.identity[$0] ?? .null })
            case .remove:
                let keys = change.identity.keys.sorted()
                try database.prepare(
                    "DELETE FROM \(change.table) WHERE "
                        + keys.map { "\($0) IS ?" }.joined(separator: " AND ")
                ).run(keys.map { change.identity[$0] ?? .null })
            }
        }
        let broken = try database.foreignKeyViolations()
        guard broken.isEmpty else {
            let counts = Dictionary(grouping: broken) { "\($0.table) → \($0.parent)" }
            throw StateError.brokenReferences(
                counts.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value.count))" })
        }
    }

    // MARK: Steps

    private static func check(_ document: JSONValue) throws {
        guard case .object(let members) = document else {
            throw StateDocumentError("the document", "no object")
        }
        if let kind = document["kind"], kind != .string(self.kind) {
            throw StateDocumentError("kind", "“\(self.kind)” must stand there")
        }
        if let version = document["apiVersion"], version != .string(apiVersion) {
            throw StateDocumentError("apiVersion", "this kecsctl reads \(apiVersion)")
        }
        let known = Set(StateTable.all.map(\.member)).union(["kind", "apiVersion"])
        if let unknown = Set(members.keys).subtracting(known).sorted().first {
            throw StateDocumentError(
                unknown, "unknown list; the lists are: \(known.sorted().joined(separator: ", "))")
        }
        for table in StateTable.all {
            guard let value = members[table.member] else { continue }
            guard value.array != nil else {
                throw StateDocumentError(table.member, "a list must stand there")
            }
        }
    }

    private static func existingRows(
        of table: StateTable, _ clusterARN: String, in database: SQLiteDatabase
    ) throws -> [SQLiteRow] {
        try database.prepare(
            "SELECT * FROM \(table.name) WHERE \(table.ofCluster) ORDER BY \(table.identity.joined(separator: ", "))"
        ).rows([.text(clusterARN)])
    }

    private static func change(
        to row: StateRow, _ table: StateTable, _ columns: [StateColumn], at place: String,
        in database: SQLiteDatabase, now: Moment, newID: () -> String
    ) throws -> StateChange? {
        let identity = Dictionary(uniqueKeysWithValues: table.identity.map { ($0, row.values[$0] ?? .null) })
        let found = try database.prepare(
            "SELECT * FROM \(table.name) WHERE "
                + table.identity.map { "\($0) IS ?" }.joined(separator: " AND ")
        ).rows(table.identity.map { identity[$0] ?? .null }).first
        guard let found else {
            var values = row.values
            for column in columns where values[column.name] == nil {
                if column.name == "id" {
                    values["id"] = .text(newID())
                } else if column.kind == .time, column.isRequired {
                    values[column.name] = .text(now.schemaText)
                } else if column.isRequired, column.standard == .null {
                    throw StateDocumentError("\(place).\(table.key(of: column.name))", "it is missing")
                }
            }
            return StateChange(
                verb: .add, table: table.name, object: object(values, table), values: [], row: values,
                identity: identity)
        }
        var differing: [String: SQLiteValue] = [:]
        var told: [StateChange.Value] = []
        for column in columns {
            guard let wanted = row.values[column.name], let current = found[column.name], wanted != current
            else {
                continue
            }
            // The time of its creation does not change with its description.
            if column.kind == .time, column.isRequired, wanted == .null { continue }
            differing[column.name] = wanted
            told.append(.init(name: table.key(of: column.name), from: words(current), to: words(wanted)))
        }
        guard !differing.isEmpty else { return nil }
        return StateChange(
            verb: .change, table: table.name, object: object(row.values, table), values: told, row: differing,
            identity: identity)
    }

    private static func removal(_ row: SQLiteRow, _ table: StateTable) -> StateChange {
        let values = Dictionary(uniqueKeysWithValues: zip(row.columns, row.values))
        return StateChange(
            verb: .remove, table: table.name, object: object(values, table), values: [],
            identity: Dictionary(uniqueKeysWithValues: table.identity.map { ($0, values[$0] ?? .null) }))
    }

    /// Returns the name that people use for the object.
    private static func object(_ values: [String: SQLiteValue], _ table: StateTable) -> String {
        if let arn = values["arn"]?.text {
            let resource = arn.split(separator: ":", maxSplits: 5).last ?? ""
            return String(resource.drop { $0 != "/" }.dropFirst())
        }
        return table.identity.compactMap { values[$0]?.text }.joined(separator: " ")
    }

    private static func words(_ value: SQLiteValue) -> String? {
        switch value {
        case .text(let text): text
        case .integer(let number): String(number)
        default: nil
        }
    }

    private static func remarks(on document: JSONValue) -> [String] {
        (document["clusters"]?.array ?? []).compactMap { cluster in
            guard let name = cluster["clusterName"]?.string,
                cluster["kecs"]?["k8sClusterName"]?.string == nil,
                cluster["status"]?.string == "ACTIVE"
            else { return nil }
            return
                "the cluster \(name) has no kecs.k8sClusterName: a recovery leaves it out unless the database has one"
        }
    }
}
