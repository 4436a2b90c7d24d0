// SPDX-License-Identifier: Apache-2.0
import CSQLite

/// A prepared statement, which can be run again with other values. Belongs to the thread of its database, and keeps it
/// open.
public final class SQLiteStatement {
    public let columns: [String]
    private let database: SQLiteDatabase
    private let handle: OpaquePointer
    private let sql: String

    init(_ handle: OpaquePointer, sql: String, of database: SQLiteDatabase) {
        self.handle = handle
        self.sql = sql
        self.database = database
        columns = (0..<sqlite3_column_count(handle)).map { index in
            sqlite3_column_name(handle, index).map { String(cString: $0) } ?? ""
        }
    }

    deinit { sqlite3_finalize(handle) }

    /// True when it changes nothing in the database file (sqlite3_stmt_readonly; ATTACH and some PRAGMAs count as
    /// reading).
    public var isReadOnly: Bool { sqlite3_stmt_readonly(handle) != 0 }

    /// Runs to the end, handing over each row. Rows exist only while they are handed over.
    public func run(
        _ arguments: [SQLiteValue] = [], row body: (SQLiteRow) throws -> Void = { _ in }
    ) throws {
        try bind(arguments)
        defer { sqlite3_reset(handle) }
        while try step() {
            try body(SQLiteRow(columns: columns, values: columns.indices.map { value(Int32($0)) }))
        }
    }

    public func rows(_ arguments: [SQLiteValue] = []) throws -> [SQLiteRow] {
        var rows: [SQLiteRow] = []
        try run(arguments) { rows.append($0) }
        return rows
    }

    private func step() throws -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw database.lastError(sql)
        }
    }

    private func bind(_ arguments: [SQLiteValue]) throws {
        let expected = Int(sqlite3_bind_parameter_count(handle))
        guard arguments.count == expected else {
            throw SQLiteError(
                extendedCode: SQLITE_RANGE, message: "\(expected) values are needed, not \(arguments.count)",
                sql: sql, path: database.path)
        }
        sqlite3_reset(handle)
        for (argument, index) in zip(arguments, Int32(1)...) {
            let code =
                switch argument {
                case .null: sqlite3_bind_null(handle, index)
                case .integer(let number): sqlite3_bind_int64(handle, index, number)
                case .real(let number): sqlite3_bind_double(handle, index, number)
                case .text(let text): bindText(Array(text.utf8), index)
                case .brokenText(let bytes): bindText(bytes, index)
                case .blob(let bytes):
                    bytes.isEmpty
                        ? sqlite3_bind_zeroblob(handle, index, 0)
                        : sqlite3_bind_blob64(
                            handle, index, bytes, UInt64(bytes.count), csqlite_transient())
                }
            guard code == SQLITE_OK else { throw database.lastError(sql) }
        }
    }

    private func bindText(_ bytes: [UInt8], _ index: Int32) -> Int32 {
        // An empty array may have no address, and a text without an address is NULL.
        (bytes + [0]).withUnsafeBytes {
            sqlite3_bind_text64(
                handle, index, $0.bindMemory(to: CChar.self).baseAddress, UInt64(bytes.count),
                csqlite_transient(), UInt8(SQLITE_UTF8))
        }
    }

    private func value(_ index: Int32) -> SQLiteValue {
        switch sqlite3_column_type(handle, index) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(handle, index))
        case SQLITE_FLOAT: return .real(sqlite3_column_double(handle, index))
        case SQLITE_TEXT:
            let start = sqlite3_column_text(handle, index)
            let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, index)))
            return String(validating: bytes, as: UTF8.self).map { .text($0) } ?? .brokenText(Array(bytes))
        case SQLITE_BLOB:
            let start = sqlite3_column_blob(handle, index)
            let count = Int(sqlite3_column_bytes(handle, index))
            return .blob(Array(UnsafeRawBufferPointer(start: start, count: count)))
        default: return .null
        }
    }
}
