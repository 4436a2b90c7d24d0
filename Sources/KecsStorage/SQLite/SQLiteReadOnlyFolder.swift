// SPDX-License-Identifier: Apache-2.0
import CSQLite
import Glibc
import KecsSystem
import SystemPackage

/// Captures a database whose folder cannot be written, for example a volume mounted `:ro`.
///
/// SQLite cannot read a WAL database there without its `-shm`, nor one with a journal to be rolled back; and
/// `immutable=1` would read it without the WAL, that is, without the newest commits. So the file and its sidecar are
/// copied to a scratch folder, while a lock proves that nobody has the database open, and the copy is recovered there.
func captureFromReadOnlyFolder(
    _ source: FilePath, to destination: FilePath, cancellation: Cancellation
) throws -> SQLiteSnapshotFacts {
    let scratch = beside(destination, ".scratch")
    guard scratch.withPlatformString({ mkdir($0, 0o700) }) == 0 else {
        throw FileError.last("create the folder", scratch)
    }
    let names = ["", "-wal", "-journal"]
    let copy = scratch.appending("database")
    defer {
        for name in names + ["-shm"] { _ = beside(copy, name).withPlatformString { unlink($0) } }
        _ = scratch.withPlatformString { rmdir($0) }
    }
    let lockedFor = try whileNobodyHasOpen(source) {
        let start = ContinuousClock.now
        let before = try names.map { try FileStatus.of(beside(source, $0)) }
        for (name, status) in zip(names, before) where status != nil {
            try copyBytes(of: beside(source, name), to: beside(copy, name), cancellation)
        }
        guard try names.map({ try FileStatus.of(beside(source, $0)) }) == before else {
            throw busy(source, "it changed while it was being copied")
        }
        return ContinuousClock.now - start
    }
    do {
        let recovered = try SQLiteDatabase(copy, .readWrite, cancellation: cancellation)
        var facts = try recovered.backup(to: destination, cancellation: cancellation)
        facts.lockedFor = lockedFor
        return facts
    } catch let error as SQLiteError where error.path == copy {
        throw error.about(source)
    }
}

/// Runs `body` under a reader's lock on the file, and only if no other process has it open.
///
/// Every WAL connection holds a reader's lock as long as it is open, every rollback one during its transactions. Open
/// file description locks see those of other processes, and do not vanish with somebody's close (fcntl(2)).
private func whileNobodyHasOpen<Result>(_ source: FilePath, _ body: () throws -> Result) throws -> Result {
    let file = source.withPlatformString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
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
            throw busy(
                source, "process \(lock.l_pid) has it open, and its folder cannot be written from here")
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

private func copyBytes(of source: FilePath, to target: FilePath, _ cancellation: Cancellation) throws {
    let from = source.withPlatformString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    guard from >= 0 else { throw FileError.last("open", source) }
    defer { close(from) }
    let to = target.withPlatformString { open($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
    guard to >= 0 else { throw FileError.last("create", target) }
    defer { close(to) }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
        try cancellation.check()
        let count = read(from, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { throw FileError.last("read", source) }
        if count == 0 { return }
        var written = 0
        while written < count {
            let part = buffer.withUnsafeBytes {
                write(to, $0.baseAddress?.advanced(by: written), count - written)
            }
            if part < 0, errno == EINTR { continue }
            guard part >= 0 else { throw FileError.last("write to", target) }
            written += part
        }
    }
}
