// SPDX-License-Identifier: Apache-2.0
public import KecsSQLite

/// The tables, columns and types of a database. They tell its age, as upstream never wrote a version into it.
public struct SchemaShape: Hashable, Sendable {
    /// Declared types in capitals, by column, by table.
    public var tables: [String: [String: String]] = [:]
    public var strictTables: Set<String> = []
    public var hasUniquePods = false
    /// Triggers and views, which a step that rebuilds their table would lose: "trigger notify".
    public var attachments: [String] = []

    public init(_ database: SQLiteDatabase) throws {
        for row in try database.query(
            """
            SELECT l.name, l.strict FROM pragma_table_list AS l
            WHERE l.schema = 'main' AND l.type = 'table' AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
            """)
        {
            guard let table = row[0].text else { continue }
            if row[1].integer == 1 { strictTables.insert(table) }
            let columns = try database.query(
                "SELECT name, upper(type) FROM pragma_table_xinfo(?)", .text(table))
            tables[table] = Dictionary(
                columns.map { ($0[0].text ?? "", $0[1].text ?? "") }, uniquingKeysWith: { $1 })
        }
        for row in try database.query(
            """
            SELECT (SELECT group_concat(i.name, ',') FROM pragma_index_info(l.name) AS i)
            FROM pragma_index_list('tasks') AS l WHERE l."unique" = 1
            """) where ["pod_name,namespace", "namespace,pod_name"].contains(row[0].text)
        {
            hasUniquePods = true
        }
        attachments = try database.query(
            "SELECT type || ' ' || name FROM sqlite_schema WHERE type IN ('trigger', 'view') ORDER BY 1"
        ).compactMap { $0[0].text }
    }

    func has(_ table: String) -> Bool { tables[table] != nil }
    func has(_ table: String, _ column: String) -> Bool { tables[table]?[column] != nil }
    func type(_ table: String, _ column: String) -> String? { tables[table]?[column] }

    /// The steps that a database of this shape has had. Gaps are real: two of upstream's changes never reached existing
    /// databases.
    public var recognised: [MigrationStep] {
        UpstreamHistory.steps.filter { $0.isApplied(self) }.map(\.migration)
    }

    /// True when it is a database of the control plane at all.
    public var isState: Bool { has("clusters", "arn") }

    /// Columns in known tables that no version knows, as "clusters.colour"; rebuilding the table would lose them.
    public var unknownColumns: [String] {
        tables.flatMap { table, columns -> [String] in
            guard let known = Self.knownColumns[table] else { return [] }
            return columns.keys.filter { !known.contains($0) }.map { "\(table).\($0)" }
        }.sorted()
    }

    private static let knownColumns: [String: Set<String>] = {
        var known: [String: Set<String>] = [:]
        for statement in splitSQL(UpstreamHistory.initialSQL)
        where statement.tokens.starts(with: ["CREATE", "TABLE"]) {
            known[statement.tokens[2].lowercased()] = Set(columnNames(of: statement.tokens))
        }
        known["clusters"]?.insert("kind_cluster_name")
        return known
    }()

    /// The first word of each part between the outer parentheses.
    private static func columnNames(of tokens: [String]) -> [String] {
        var names: [String] = []
        var depth = 0
        var isFirst = false
        for token in tokens {
            if token == ")" { depth -= 1 }
            if isFirst, depth == 1, token != ")" {
                names.append(token.lowercased())
                isFirst = false
            }
            if token == "(" {
                depth += 1
                if depth == 1 { isFirst = true }
            }
            if token == ",", depth == 1 { isFirst = true }
        }
        return names
    }
}
