// SPDX-License-Identifier: Apache-2.0

/// A value as SQLite stores it. `brokenText` is TEXT whose bytes are not UTF-8; they are kept.
public enum SQLiteValue: Hashable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case brokenText([UInt8])
    case blob([UInt8])

    public init(_ text: String?) { self = text.map { .text($0) } ?? .null }
    public init(_ number: Int64?) { self = number.map { .integer($0) } ?? .null }

    /// The text, or nil for every other kind, broken text included.
    public var text: String? { if case .text(let text) = self { text } else { nil } }
    public var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
    public var real: Double? { if case .real(let number) = self { number } else { nil } }
    public var isNull: Bool { self == .null }

    /// The bytes of a text or a blob.
    public var bytes: [UInt8]? {
        switch self {
        case .text(let text): Array(text.utf8)
        case .brokenText(let bytes), .blob(let bytes): bytes
        case .null, .integer, .real: nil
        }
    }
}

extension SQLiteValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByNilLiteral {
    public init(stringLiteral text: String) { self = .text(text) }
    public init(integerLiteral number: Int64) { self = .integer(number) }
    public init(nilLiteral: ()) { self = .null }
}

/// A row of an answer: values by position, or by the column's name as the query gave it.
public struct SQLiteRow: Hashable, Sendable {
    public let columns: [String]
    public let values: [SQLiteValue]

    public subscript(index: Int) -> SQLiteValue { values[index] }

    /// The value of a column; nil when there is no such column. The first one, when several have the name.
    public subscript(column: String) -> SQLiteValue? {
        columns.firstIndex(of: column).map { values[$0] }
    }
}

/// Returns `name` as an SQL identifier, whatever its characters.
public func sqlIdentifier(_ name: String) -> String {
    var quoted = "\""
    for character in name.unicodeScalars {
        if character == "\"" { quoted += "\"" }
        quoted.unicodeScalars.append(character)
    }
    return quoted + "\""
}
