// SPDX-License-Identifier: Apache-2.0
import CSQLite
import Glibc
public import SystemPackage

/// An error from SQLite, with its codes kept: they decide, the text is for people.
public struct SQLiteError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The primary result code, for example 5 (SQLITE_BUSY).
    public let code: Int32
    /// The extended code, for example 261 (SQLITE_BUSY_RECOVERY): https://sqlite.org/rescode.html
    public let extendedCode: Int32
    /// SQLite's own words, and the system's where a system call was behind it.
    public let message: String
    public let sql: String?
    public let path: FilePath

    public init(extendedCode: Int32, message: String, sql: String? = nil, path: FilePath) {
        code = extendedCode & 0xff
        self.extendedCode = extendedCode
        self.message = message
        self.sql = sql
        self.path = path
    }

    /// True when another connection holds a needed lock; a retry may help.
    public var isBusy: Bool { code == SQLITE_BUSY || code == SQLITE_LOCKED }
    /// The file is an SQLite database whose content contradicts itself.
    public var isCorrupt: Bool { code == SQLITE_CORRUPT || isNotADatabase }
    public var isFull: Bool { code == SQLITE_FULL }
    public var isNotADatabase: Bool { code == SQLITE_NOTADB }
    public var isReadOnly: Bool { code == SQLITE_READONLY }
    /// The file, or a sidecar it needs, could not be opened or created.
    public var cannotOpen: Bool { code == SQLITE_CANTOPEN }

    public var description: String {
        let place = sql.map { " in “\($0.count > 200 ? $0.prefix(200) + "…" : $0)”" } ?? ""
        return "\(path): \(message) (SQLite error \(extendedCode))\(place)"
    }

    /// Returns the same error about another file: the one that was copied.
    func about(_ path: FilePath) -> SQLiteError {
        SQLiteError(extendedCode: extendedCode, message: message, sql: sql, path: path)
    }

    /// The last error of `database`; with nil, the memory for a connection ran out.
    static func last(_ database: OpaquePointer?, sql: String? = nil, path: FilePath) -> SQLiteError {
        guard let database else {
            return SQLiteError(extendedCode: SQLITE_NOMEM, message: "out of memory", sql: sql, path: path)
        }
        let code = sqlite3_extended_errcode(database)
        var message = String(cString: sqlite3_errmsg(database))
        let system = sqlite3_system_errno(database)
        if system != 0, [SQLITE_CANTOPEN, SQLITE_IOERR, SQLITE_FULL].contains(code & 0xff) {
            message += ": \(Errno(rawValue: system))"
        }
        return SQLiteError(extendedCode: code, message: message, sql: sql, path: path)
    }
}
