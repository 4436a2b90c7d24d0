// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
public import KecsSystem

/// An error in a document.
public struct StateDocumentError: Error, Hashable, Sendable, CustomStringConvertible {
    /// "services[2].desiredCount"
    public var place: String
    public var why: String
    public var description: String { "\(place): \(why)" }

    init(_ place: String, _ why: String) {
        self.place = place
        self.why = why
    }
}

/// An object of a document, with the values that it gives for its row.
struct StateRow: Hashable {
    let table: String
    var values: [String: SQLiteValue]
    /// Members that neither the schema nor KECS has a place for.
    var ignored: Set<String> = []

    /// - Parameter place: The place in errors: "services[2]".
    init(_ item: JSONValue, _ table: StateTable, _ columns: [StateColumn], at place: String) throws {
        guard case .object(let shape) = item else { throw StateDocumentError(place, "no object") }
        self.table = table.name
        values = [:]
        let own = shape["kecs"]?.object
        let verbatim = own?["verbatim"]?.object ?? [:]
        for column in columns {
            let isOwn = table.own.contains(column.name)
            let key = table.key(of: column.name)
            let given = isOwn ? own?[key] : shape[key]
            let path = isOwn ? "\(place).kecs.\(key)" : "\(place).\(key)"
            if let value = try Self.value(given, verbatim[column.name]?.string, column, at: path) {
                values[column.name] = value
            } else if given == .null {
                guard !column.isRequired else { throw StateDocumentError(path, "it must not be null") }
                values[column.name] = .null
            } else if !isOwn, !column.isRequired || column.standard != .null {
                // A value that the API would leave out is not set. A value that is left out in `kecs` stays as it is.
                values[column.name] = column.standard
            }
        }
        let known = Set(columns.map { table.key(of: $0.name) }).union(["kecs"])
        let ownKnown = Set(table.own.map(table.key)).union(["verbatim"])
        ignored = Set(shape.keys).subtracting(known)
        ignored.formUnion(Set((own ?? [:]).keys).subtracting(ownKnown).map { "kecs.\($0)" })
        let arn = values["arn"]?.text ?? values["principal_arn"]?.text
        for (column, value) in Self.derived(from: arn, in: table) where values[column] == nil {
            values[column] = value
        }
        if table.name == "attributes", values["cluster"] == nil {
            // arn:aws:ecs:REGION:ACCOUNT:container-instance/CLUSTER/ID
            let words = (values["target_id"]?.text ?? "").split(separator: "/")
            if words.count == 3 { values["cluster"] = .text(String(words[1])) }
        }
        for column in table.identity where values[column] == nil {
            if columns.contains(where: { $0.name == column && $0.isRequired }) {
                throw StateDocumentError("\(place).\(table.key(of: column))", "it is missing")
            }
            values[column] = .null
        }
    }

    /// Returns the columns of a row that follow from its ARN, unless the row gives other values.
    static func derived(from arn: String?, in table: StateTable) -> [String: SQLiteValue] {
        guard let arn else { return [:] }
        var values: [String: SQLiteValue] = [:]
        // arn:aws:ecs:REGION:ACCOUNT:RESOURCE
        let words = arn.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        if words.count == 6, table.own.contains("region") {
            values["region"] = .text(String(words[3]))
            values["account_id"] = .text(String(words[4]))
        }
        let path = (words.last ?? "").split(separator: "/")
        if table.name == "tasks", let last = path.last { values["id"] = .text(String(last)) }
        if table.name == "container_instances", path.count == 3, words.count == 6 {
            values["cluster_arn"] = .text(
                words[0..<5].joined(separator: ":") + ":cluster/\(path[1])")
        }
        return values
    }

    /// Returns the default text of a column for a value of the document.
    static func text(of value: JSONValue?, _ kind: StateColumn.Kind) -> String? {
        switch value {
        case nil, .null?: nil
        case .string(let text)? where kind != .json: text
        case let value?: value.text()
        }
    }

    /// - Returns: Nil when the document gives no value.
    private static func value(
        _ given: JSONValue?, _ verbatim: String?, _ column: StateColumn, at path: String
    ) throws -> SQLiteValue? {
        func wrong(_ what: String) -> StateDocumentError {
            StateDocumentError(path, "\(what) must stand there")
        }
        guard let given, given != .null else {
            // Another spelling of an empty value. It is used only while the document gives no value.
            guard let verbatim, given == nil, column.kind != .integer, column.kind != .flag,
                verbatim.isEmpty || column.kind == .json && (try? JSONValue(parsing: verbatim)) == .null
            else { return nil }
            return .text(verbatim)
        }
        switch column.kind {
        case .integer:
            guard let number = given.integer else { throw wrong("a whole number") }
            return .integer(number)
        case .flag:
            guard let flag = given.bool else { throw wrong("true or false") }
            return .integer(flag ? 1 : 0)
        case .text:
            guard let text = given.string else { throw wrong("a text") }
            return .text(text)
        case .time: return .text(try time(given, at: path))
        case .json:
            guard given.array != nil || given.object != nil else { throw wrong("a list or an object") }
            if let verbatim, (try? JSONValue(parsing: verbatim)) == given { return .text(verbatim) }
            return .text(given.text())
        }
    }

    /// Returns the time in the schema's format. The API's own JSON has seconds since 1970, its command line any offset.
    private static func time(_ given: JSONValue, at path: String) throws -> String {
        switch given {
        case .string(let text):
            guard let moment = Moment(text) else { throw StateDocumentError(path, "“\(text)” is no time") }
            // It has microseconds already, or the fewer digits of an older row.
            return text.hasSuffix("Z") ? text : moment.schemaText
        case .integer(let seconds): return Moment(seconds: seconds).schemaText
        case .real(let seconds) where abs(seconds) < 1e11:
            let whole = seconds.rounded(.down)
            let micros = ((seconds - whole) * 1_000_000).rounded(.down)
            return Moment(seconds: Int64(whole), nanoseconds: Int32(micros) * 1000).schemaText
        default: throw StateDocumentError(path, "a time must stand there")
        }
    }
}

extension Moment {
    /// The time in the schema's format: microseconds, UTC, `2026-11-21T01:45:30.000000Z`.
    public var schemaText: String {
        let micros = String(nanoseconds / 1000)
        let whole = description.prefix { $0 != "Z" && $0 != "." }
        return whole + "." + String(repeating: "0", count: 6 - micros.count) + micros + "Z"
    }
}
