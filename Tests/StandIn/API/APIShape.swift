// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Checks the shape of an object, as server-side apply does before anything else: known fields, values of their types,
/// and no two entries of a list with the same keys.
struct APIShape {
    let table: APITable
    private(set) var complaints: [String] = []

    init(_ table: APITable) { self.table = table }

    mutating func check(_ object: JSONValue) {
        guard let type = table.type(of: object) else { return }
        check(object, .type(type), "")
    }

    private mutating func check(_ value: JSONValue, _ shape: APITable.Field.Shape, _ path: String) {
        if value == .null { return }
        switch shape {
        case .scalar(let kind):
            if !Self.fits(value, kind) { complaints.append("\(path): expected \(kind), got \(value)") }
        case .type(let type):
            guard let members = value.object else {
                complaints.append("\(path): expected map, got \(value)")
                return
            }
            let fields = table.fields(of: type)
            // Nothing is known of a type without fields: RawExtension.
            if fields.isEmpty { return }
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                guard let field = fields[name] else {
                    complaints.append("\(path).\(name): field not declared in schema")
                    continue
                }
                check(member, field.shape, "\(path).\(name)")
                if !field.keys.isEmpty { checkKeys(member.array ?? [], field, "\(path).\(name)") }
            }
        case .list(let inner):
            guard let items = value.array else {
                complaints.append("\(path): expected list, got \(value)")
                return
            }
            for (index, item) in items.enumerated() { check(item, inner, "\(path)[\(index)]") }
        case .map(let inner):
            guard let members = value.object else {
                complaints.append("\(path): expected map, got \(value)")
                return
            }
            for (name, member) in members { check(member, inner, "\(path).\(name)") }
        }
    }

    private mutating func checkKeys(_ items: [JSONValue], _ field: APITable.Field, _ path: String) {
        var seen: Set<String> = []
        for item in items {
            let key = field.keys.map { name in
                // The only key that has a default.
                let value = item[name] ?? (name == "protocol" ? "TCP" : .null)
                return "\(name)=\(value)"
            }.joined(separator: ",")
            if !seen.insert(key).inserted {
                complaints.append("\(path): duplicate entries for key [\(key)]")
            }
        }
    }

    private static func fits(_ value: JSONValue, _ kind: String) -> Bool {
        switch (kind, value) {
        case ("any", _), ("string", .string), ("boolean", .bool), ("quantity", .string),
            ("quantity", .integer),
            ("intOrString", .string), ("number", .integer), ("number", .real), ("number", .string),
            ("byte", .string):
            true
        case ("int32", .integer(let number)), ("intOrString", .integer(let number)):
            Int32(exactly: number) != nil
        case ("int64", .integer): true
        default: kind == "double" && value.integer != nil
        }
    }
}
