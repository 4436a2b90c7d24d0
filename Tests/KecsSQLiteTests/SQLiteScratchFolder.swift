// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import SystemPackage

/// A folder for one test, gone with the value.
final class SQLiteScratchFolder {
    let path: FilePath

    init() throws {
        var name = Array("/tmp/kecs-sqlite-XXXXXX".utf8CString)
        guard mkdtemp(&name) != nil else { throw FileError.last("create a folder like", "/tmp/kecs-sqlite") }
        path = FilePath(platformString: name)
    }

    deinit { Self.remove(path) }

    subscript(name: String) -> FilePath { path.appending(name) }

    /// The names in it, sorted.
    var names: [String] {
        get throws { try path.entries().map(\.string) }
    }

    private static func remove(_ path: FilePath) {
        if let names = try? path.entries(), (try? path.isFolder) == true {
            for name in names { remove(path.appending(name)) }
        }
        _ = path.withPlatformString { Glibc.remove($0) }
    }
}

extension SQLiteDatabase {
    /// A table `t(id, text)` with `rows` rows of some 100 bytes.
    static func sample(
        _ path: FilePath, rows: Int = 1000, wal: Bool = false, settings: String = ""
    ) throws -> SQLiteDatabase {
        let database = try SQLiteDatabase(path, .create)
        try database.executeScript(
            "\(settings); PRAGMA journal_mode = \(wal ? "WAL" : "DELETE"); CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT)"
        )
        try database.insertRows(rows)
        return database
    }

    func insertRows(_ count: Int) throws {
        try transaction {
            let insert = try prepare("INSERT INTO t(text) VALUES (hex(randomblob(50)))")
            for _ in 0..<count { try insert.run() }
        }
    }
}
