// SPDX-License-Identifier: Apache-2.0
import KecsSystem
public import SystemPackage

/// A statement in a migration that loses data, or will.
public struct MigrationFinding: Hashable, Sendable, Encodable, CustomStringConvertible {
    public enum Rule: String, Hashable, Sendable, Encodable {
        case dropsTable = "drops-table"
        case dropsColumn = "drops-column"
        case changesType = "changes-type"
        case losesIndex = "loses-index"
        case losesTrigger = "loses-trigger"
        case losesView = "loses-view"
        case notNullWithoutDefault = "not-null-without-default"
        case deletesRows = "deletes-all-rows"
        case endsTransaction = "ends-transaction"
        case fails
    }
    public var file: String
    /// The line, from 1; nil when the script as a whole does it.
    public var line: Int?
    public var rule: Rule
    public var why: String

    public var description: String { "\(file)\(line.map { ":\($0)" } ?? ""): \(why)" }
}

/// Reads migrations, and runs them on an empty database with the real one's schema, to find the data that they would
/// destroy. The real data is not touched.
public func lintMigrations(
    _ actions: [MigrationAction], schemaOf database: SQLiteDatabase, scratch folder: FilePath
) throws -> [MigrationFinding] {
    let file = folder.appending("lint.sqlite")
    if try file.isPresent { try file.remove() }
    defer { try? file.remove() }
    // A step may run endlessly without a single row.
    let empty = try SQLiteDatabase(file, .create, cancellation: database.cancellation)
    try empty.execute("PRAGMA synchronous = OFF")
    try empty.copySchema(of: database)
    var findings: [MigrationFinding] = []
    for action in actions {
        guard let script = action.script else { continue }
        let statements = splitSQL(script.sql)
        findings += statements.compactMap { lint($0, in: script) }
        let before = try empty.shape()
        try empty.execute("SAVEPOINT step")
        var isWhole = true
        for statement in statements where statement.objection(outsideTransaction: false) == nil {
            // Some would fail inside the savepoint, and none changes the schema.
            if script.refusesTransaction, statement.tokens.first == "PRAGMA" { continue }
            do {
                try empty.execute(statement.sql)
            } catch let error as SQLiteError {
                isWhole = false
                findings.append(
                    MigrationFinding(
                        file: script.name, line: statement.line, rule: .fails, why: error.message))
                break
            }
        }
        try empty.execute("RELEASE step")
        guard isWhole else { break }
        findings += compare(before, try empty.shape(), script.name)
    }
    return findings
}

private func lint(
    _ statement: SQLScriptStatement, in script: MigrationStep.Script
) -> MigrationFinding? {
    let tokens = statement.tokens
    func finding(_ rule: MigrationFinding.Rule, _ why: String) -> MigrationFinding {
        MigrationFinding(file: script.name, line: statement.line, rule: rule, why: why)
    }
    if let why = statement.objection(outsideTransaction: script.refusesTransaction) {
        return finding(.endsTransaction, why)
    }
    // It is refused only when the table holds rows, so an empty one does not show it.
    if tokens.first == "ALTER", tokens.contains("ADD"), !tokens.contains("DEFAULT"),
        zip(tokens, tokens.dropFirst()).contains(where: { $0 == "NOT" && $1 == "NULL" })
    {
        return finding(.notNullWithoutDefault, "it adds a column that is NOT NULL and has no default")
    }
    if tokens.first == "DELETE", !tokens.contains("WHERE") {
        return finding(.deletesRows, "it deletes every row of \(tokens.dropFirst(2).first ?? "a table")")
    }
    return nil
}

private func compare(_ before: LintedSchema, _ after: LintedSchema, _ file: String) -> [MigrationFinding] {
    var findings: [MigrationFinding] = []
    func add(_ rule: MigrationFinding.Rule, _ why: String) {
        findings.append(MigrationFinding(file: file, line: nil, rule: rule, why: why))
    }
    for (table, columns) in before.tables.sorted(by: { $0.key < $1.key }) {
        guard let now = after.tables[table] else {
            add(.dropsTable, "it drops the table \(table)")
            continue
        }
        for (column, type) in columns.sorted(by: { $0.key < $1.key }) {
            if let newType = now[column] {
                if newType != type {
                    add(.changesType, "it changes \(table).\(column) from \(type) to \(newType)")
                }
            } else {
                add(.dropsColumn, "it drops the column \(table).\(column)")
            }
        }
    }
    for (name, table) in before.others.sorted(by: { $0.key.name < $1.key.name })
    where after.others[name] == nil && (after.tables[table] != nil || name.kind == "view") {
        switch name.kind {
        case "trigger": add(.losesTrigger, "the table \(table) is left without its trigger \(name.name)")
        case "view": add(.losesView, "it drops the view \(name.name)")
        default: add(.losesIndex, "the table \(table) is left without its index \(name.name)")
        }
    }
    return findings
}

private struct LintedSchema {
    struct Name: Hashable {
        var kind: String
        var name: String
    }
    /// Declared types by column, by table.
    var tables: [String: [String: String]] = [:]
    /// The table of each index, trigger and view.
    var others: [Name: String] = [:]
}

extension SQLiteDatabase {
    fileprivate func shape() throws -> LintedSchema {
        var shape = LintedSchema()
        for table in try ordinaryTables() {
            let columns = try query("SELECT name, upper(type) FROM pragma_table_xinfo(?)", .text(table))
            shape.tables[table] = Dictionary(
                columns.map { ($0[0].text ?? "", $0[1].text ?? "") }, uniquingKeysWith: { $1 })
        }
        for object in try schemaSQL() where object.kind != "table" {
            shape.others[LintedSchema.Name(kind: object.kind, name: object.name)] = object.table
        }
        return shape
    }

    /// Makes the other's tables, indexes, views and triggers here, without rows.
    public func copySchema(of other: SQLiteDatabase) throws {
        for row in try other.query(
            """
            SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
            ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'view' THEN 1 WHEN 'index' THEN 2 ELSE 3 END, rowid
            """)
        {
            guard let sql = row[0].text else { continue }
            try execute(sql)
        }
    }
}
