// SPDX-License-Identifier: Apache-2.0
import CLinux
import CSQLite
import Glibc
import KecsSystem
import SystemPackage

/// A database in WAL mode with an empty log, whose file stays as it is for as long as this value holds it: it can be
/// archived where it lies, without a copy, while it is checked.
///
/// Commits of others go to the log. Only a checkpoint writes the file, and it needs WAL_READ_LOCK(0) for itself, which a
/// reader has that uses nothing of the log (https://sqlite.org/walformat.html, 2.3). So a checkpoint waits, and the log grows
/// meanwhile: for databases that no server has open.
///
/// @unchecked: one thread after the other uses it; only the descriptor is read beside `check`.
final class HeldDatabase: CapturedSQLite, @unchecked Sendable {
    /// The file's place, without links on the way.
    let file: FilePath
    /// Open for reading, for `pread` alone. Closing any descriptor of the file drops the locks that this process has on it,
    /// so it is closed after the connection.
    private let open: CInt
    let bytes: Int64
    private var database: SQLiteDatabase?
    private let start: FileStatus

    /// Begins to hold the database of a connection.
    ///
    /// - Parameter database: Not used by anybody else from then on.
    /// - Returns: Nil when the file alone does not hold everything, or something else could write it: the database must be
    ///   copied. The connection is as before.
    /// - Throws: `SQLiteError`, `FileError`.
    init?(_ database: SQLiteDatabase) throws {
        guard database.privateCopy == nil, try database.usesWAL() else { return nil }
        let file = AdmittedDatabase.place(of: database.path) ?? database.path
        try database.execute("BEGIN")
        guard let start = try Self.held(database, file) else {
            database.endReading()
            return nil
        }
        let descriptor = file.withPlatformString {
            paths_open($0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0)
        }
        guard descriptor >= 0 else {
            // There are too many open files, say: a copy needs one less.
            database.endReading()
            return nil
        }
        self.file = file
        open = descriptor
        self.database = database
        self.start = start
        bytes = start.size
    }

    /// False when the file was exchanged or written while it was being opened, or the file system has no such locks.
    func isReady() throws -> Bool {
        guard let database else { return false }
        return try isUntouched() && !database.hasMoved() && setLock(F_RDLCK)
    }

    deinit { release() }

    /// Begins the reading, and returns the file's status if it is held from then on.
    private static func held(_ database: SQLiteDatabase, _ file: FilePath) throws -> FileStatus? {
        // The first read takes the locks.
        try database.execute("PRAGMA schema_version")
        // What is no part of the log now was none before: a log with readers is not cut off.
        guard (try FileStatus.of(file.beside("-wal")))?.size ?? 0 == 0,
            let status = try FileStatus.of(file), status.kind == .file,
            // Another name could be opened and closed elsewhere in this process, and with that all locks would be gone.
            status.links == 1
        else { return nil }
        let pages = try database.value("PRAGMA page_count")?.integer ?? 0
        let pageSize = try database.value("PRAGMA page_size")?.integer ?? 0
        return pages * pageSize == status.size ? status : nil
    }

    var descriptor: CInt? { open }

    func check(_ cancellation: Cancellation) throws -> SQLiteSnapshotFacts {
        guard let database else { preconditionFailure("the database is released already") }
        // Instead of the connection's own.
        try cancellation.check()
        database.patience.cancellation = cancellation
        let unchecked = try database.check(about: database.path)
        var facts = try database.facts(sha256: "", lockedFor: .zero)
        facts.unchecked = unchecked
        // Its cache is of no use any more, and others are held beside it.
        try database.execute("PRAGMA shrink_memory")
        return facts
    }

    func digest(_ cancellation: Cancellation) throws -> String {
        try sha256(of: open, file, cancellation)
    }

    func isUntouched() throws -> Bool {
        let now = try FileStatus.of(descriptor: open, at: file)
        guard let named = try FileStatus.of(file) else { return false }
        return [now, named].allSatisfy {
            $0.inode == start.inode && $0.device == start.device && $0.size == start.size
                && $0.modified == start.modified && $0.changed == start.changed
        }
    }

    func release() {
        guard database != nil else { return }
        // The connection that is closed last removes the sidecars, if nobody else reads.
        _ = setLock(F_UNLCK)
        database?.endReading()
        // No other reference to it: it is closed here, before the descriptor.
        database = nil
        close(open)
    }

    /// A reader's lock besides SQLite's own, which belongs to the descriptor: it stays whatever this process closes.
    private func setLock(_ kind: CInt) -> Bool {
        var lock = flock()
        lock.l_whence = Int16(SEEK_SET)
        // SHARED_FIRST and SHARED_SIZE (os.h); F_OFD_SETLK is 37.
        lock.l_start = 0x4000_0002
        lock.l_len = 510
        lock.l_type = Int16(kind)
        return fcntl(open, 37, &lock) == 0
    }
}

extension SQLiteDatabase {
    /// True when the path does not name the open file any more.
    fileprivate func hasMoved() throws -> Bool {
        var moved: CInt = 0
        let code = sqlite3_file_control(handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved)
        guard code == SQLITE_OK else {
            throw SQLiteError(extendedCode: code, message: "the open file cannot be asked about", path: path)
        }
        return moved != 0
    }
}
