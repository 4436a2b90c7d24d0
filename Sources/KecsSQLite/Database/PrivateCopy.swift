// SPDX-License-Identifier: Apache-2.0
import CLinux
import CSQLite
import Glibc
import KecsSystem
import SystemPackage

/// A database with its log or journal, copied into a folder that only this user can enter, to be recovered there. The
/// original stays as a killed writer left it. The copy is gone with the value.
final class PrivateCopy {
    let file: FilePath
    /// The time for which a reader's lock was held on the original.
    let lockedFor: Duration
    private let folder: FilePath

    /// - Parameter place: The parent of the new folder.
    /// - Throws: `SQLiteError` (`isBusy`) while another process has the database open.
    init(of path: FilePath, in place: FilePath, _ cancellation: Cancellation?) throws {
        let source = AdmittedDatabase.place(of: path) ?? path
        folder = try place.makePrivateFolder()
        file = folder.appending("database")
        do {
            let (from, to) = (source, file)
            lockedFor = try whileNobodyHasOpen(source) {
                let start = ContinuousClock.now
                let names = ["", "-wal", "-journal"]
                let before = try names.map { try FileStatus.of(from.beside($0)) }
                for (name, status) in zip(names, before) where status != nil {
                    try from.beside(name).copyContents(to: to.beside(name)) { try cancellation?.check() }
                }
                guard try names.map({ try FileStatus.of(from.beside($0)) }) == before else {
                    throw busy(from, "it changed while it was being copied")
                }
                return ContinuousClock.now - start
            }
        } catch {
            folder.discardQuietly()
            throw error
        }
    }

    // The folder is ours and in no one's way. A folder that cannot be removed stays among the temporary files.
    deinit { folder.discardQuietly() }

    /// The folder for copies of databases that are only read: `$TMPDIR`, or /var/tmp, which has free space.
    static var usualPlace: FilePath {
        if let text = getenv("TMPDIR"), text.pointee != 0 { return FilePath(platformString: text) }
        return "/var/tmp"
    }
}

/// Runs `body` under a reader's lock on the file, and only if no other process has it open.
///
/// Every WAL connection holds a reader's lock as long as it is open, every rollback one during its transactions. Open
/// file description locks see the locks of other processes, and do not vanish when the file is closed elsewhere in this
/// process (fcntl(2)).
private func whileNobodyHasOpen<Result>(_ source: FilePath, _ body: () throws -> Result) throws -> Result {
    let file = source.withPlatformString { paths_open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0) }
    guard file >= 0 else { throw FileError.last("open", source) }
    defer { close(file) }
    // Glibc's module lacks these: F_OFD_GETLK 36, F_OFD_SETLK 37 (<bits/fcntl-linux.h>). SHARED_FIRST and SHARED_SIZE
    // are those of SQLite's file format (os.h).
    var lock = flock()
    lock.l_whence = Int16(SEEK_SET)
    lock.l_start = 0x4000_0002
    lock.l_len = 510
    lock.l_type = Int16(F_RDLCK)
    guard fcntl(file, 37, &lock) == 0 else { throw busy(source, "another process is writing it") }
    func refuseCompany() throws {
        lock.l_type = Int16(F_WRLCK)
        guard fcntl(file, 36, &lock) == 0 else { throw FileError.last("ask for locks on", source) }
        guard lock.l_type == Int16(F_UNLCK) else {
            throw busy(source, "process \(lock.l_pid) has it open, and it cannot be read as it is")
        }
    }
    try refuseCompany()
    let result = try body()
    try refuseCompany()
    return result
}

private func busy(_ path: FilePath, _ why: String) -> SQLiteError {
    SQLiteError(extendedCode: SQLITE_BUSY, message: "database is locked: \(why)", path: path)
}
