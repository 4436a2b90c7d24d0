// SPDX-License-Identifier: Apache-2.0
import CLinux
import CSQLite
import Glibc
import KecsSystem
public import SystemPackage

/// - Throws: `SQLiteError` when the database's rollback journal names a file elsewhere: rolling it back would delete
///   that file.
public func refuseForeignJournal(of database: FilePath) throws { try HotJournal.examine(database) }

/// Returns true when a writer was killed in a transaction. The next connection that writes rolls it back.
public func holdsCutOffTransaction(_ database: FilePath) throws -> Bool {
    try HotJournal.look(at: database) == .hot
}

/// The rollback journal next to a database, examined before SQLite sees it (https://sqlite.org/fileformat2.html, 3).
enum HotJournal: Hashable {
    /// There is none, or it has been used up.
    case none
    /// Its writer was killed: the first connection must roll it back.
    case hot
    /// The writer is at work.
    case inUse

    /// Also checks whether another process is writing. For that, the database is opened and closed: nothing in this
    /// process may have it open (see `SQLiteDatabase`).
    ///
    /// - Throws: The errors of `examine`.
    static func look(at path: FilePath) throws -> HotJournal {
        guard let before = try examine(path) else { return .none }
        if try isBeingWritten(AdmittedDatabase.place(of: path) ?? path) { return .inUse }
        // A writer that finished in between had the lock when the journal was first examined.
        guard let now = try examine(path), now == before else { return .inUse }
        return .hot
    }

    /// Examines the journal alone.
    ///
    /// - Returns: The journal's status, while it holds something to roll back; nil when there is nothing.
    /// - Throws: `SQLiteError` with SQLITE_CORRUPT when it names a file elsewhere, which SQLite would delete.
    @discardableResult
    static func examine(_ path: FilePath) throws -> FileStatus? {
        let database = AdmittedDatabase.place(of: path) ?? path
        let journal = database.beside("-journal")
        let file = journal.withPlatformString { paths_open($0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0) }
        guard file >= 0 else {
            if [ENOENT, ENOTDIR, EACCES, ENAMETOOLONG].contains(errno) { return nil }
            if errno == ELOOP { throw refused(database, "its rollback journal is a link") }
            throw FileError.last("open", journal)
        }
        defer { close(file) }
        let status = try FileStatus.of(descriptor: file, at: journal)
        guard status.kind == .file else { throw refused(database, "its rollback journal is no file") }
        var first: UInt8 = 0
        guard status.size > 0, pread(file, &first, 1, 0) == 1, first != 0 else { return nil }
        if let name = superJournal(in: file, size: status.size) {
            try accept(name, beside: database)
        }
        return status
    }

    /// The last bytes of a journal name the journal of a transaction over several databases: the name, its length, its
    /// checksum, and 8 bytes that every journal begins with.
    private static func superJournal(in file: CInt, size: Int64) -> [UInt8]? {
        var end = [UInt8](repeating: 0, count: 16)
        guard size >= 16, pread(file, &end, 16, off_t(size - 16)) == 16,
            end[8...].elementsEqual([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7])
        else { return nil }
        let count = end[..<4].reduce(Int64(0)) { $0 << 8 | Int64($1) }
        guard count > 0, count <= 4096, count <= size - 16 else { return nil }
        var name = [UInt8](repeating: 0, count: Int(count))
        guard pread(file, &name, name.count, off_t(size - 16 - count)) == name.count else { return nil }
        let sum = end[4..<8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard name.reduce(UInt32(0), { $0 &+ UInt32(bitPattern: Int32(Int8(bitPattern: $1))) }) == sum
        else { return nil }
        return name
    }

    /// Accepts or refuses the name of a super-journal. A writer in a container knows the folder by another path, so
    /// only the last name counts. If such a file exists, the transaction was not committed, and other databases belong
    /// to it.
    private static func accept(_ name: [UInt8], beside database: FilePath) throws {
        let path = FilePath(bytes: name)
        let shown = printable(name)
        guard !name.contains(0), let last = path.lastComponent, let own = database.lastComponent,
            last.bytes.starts(with: own.bytes) || last.string.contains("-mj")
        else {
            throw refused(database, "its rollback journal names another file to be deleted: “\(shown)”")
        }
        let sibling = database.removingLastComponent().appending(last)
        guard try !sibling.isPresent else {
            throw refused(
                database, "a transaction over several databases was cut off; “\(shown)” says which")
        }
        let folder = path.removingLastComponent()
        guard
            try !path.isAbsolute || folder == database.removingLastComponent().lexicallyNormalized()
                || !path.isPresent
        else {
            throw refused(database, "its rollback journal names another file to be deleted: “\(shown)”")
        }
    }

    /// Returns true when another connection has the right to write: SQLite's RESERVED, PENDING or EXCLUSIVE lock.
    private static func isBeingWritten(_ database: FilePath) throws -> Bool {
        let file = database.withPlatformString { paths_open($0, O_RDONLY | O_NONBLOCK, 0) }
        guard file >= 0 else { throw FileError.last("open", database) }
        defer { close(file) }
        var lock = flock()
        lock.l_whence = Int16(SEEK_SET)
        // PENDING_BYTE and RESERVED_BYTE (os.h); F_OFD_GETLK is 36.
        lock.l_start = 0x4000_0000
        lock.l_len = 2
        lock.l_type = Int16(F_RDLCK)
        guard fcntl(file, 36, &lock) == 0 else { throw FileError.last("ask for locks on", database) }
        return lock.l_type != Int16(F_UNLCK)
    }

    private static func refused(_ database: FilePath, _ why: String) -> SQLiteError {
        SQLiteError(extendedCode: SQLITE_CORRUPT, message: "the database is refused: \(why)", path: database)
    }
}
