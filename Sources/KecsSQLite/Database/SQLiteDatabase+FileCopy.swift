// SPDX-License-Identifier: Apache-2.0
import CSQLite
import Glibc
import KecsSystem
import SystemPackage

/// Copies a database in rollback mode as a file.
///
/// In that mode a reader's lock keeps writers from committing, so it must be short. The file is copied without any lock
/// first. Then, under the lock, it is compared with the copy, and the differences are copied again: 435 MB are locked
/// for 0.08 s, where the online backup takes 0.6 to 1.5 s (6 ms and 30 ms for 22 MB).
extension SQLiteDatabase {
    private static let pieceSize = 1 << 20
    /// SQLITE_IOERR_SHORT_READ, an expression macro that Swift does not import.
    private static let shortRead = SQLITE_IOERR | (2 << 8)
    /// The most bytes that may wait to be written: a writer's own fsync waits for pages that others have dirtied on the
    /// file system.
    static let unsyncedLimit = 16 << 20

    /// - Returns: The time for which the source was locked.
    func copyFile(
        to target: consuming OwnFile, _ cancellation: Cancellation, _ progress: any ProgressSink
    ) throws -> Duration {
        try copyAhead(to: target, cancellation, progress)
        try execute("BEGIN")
        defer { endReading() }
        // The first read takes the lock, waiting up to the busy timeout, and rolls back a killed writer's transaction.
        try execute("PRAGMA schema_version")
        let start = ContinuousClock.now
        guard try !usesWAL() else {
            throw SQLiteError(
                extendedCode: SQLITE_BUSY, message: "it was switched to WAL mode meanwhile", path: path)
        }
        try correct(target, cancellation)
        try execute("COMMIT")
        let lockedFor = ContinuousClock.now - start
        try target.sync()
        return lockedFor
    }

    /// Copies the bytes as they are, torn pages included. The copy is only usable after `correct` under a lock.
    private func copyAhead(
        to target: borrowing OwnFile, _ cancellation: Cancellation, _ progress: any ProgressSink
    ) throws {
        var piece = [UInt8](repeating: 0, count: Self.pieceSize)
        var unsynced = 0
        for offset in stride(from: 0, to: try fileSize(), by: Self.pieceSize) {
            try cancellation.check()
            let count = try read(&piece, at: Int64(offset))
            try piece.withUnsafeBytes {
                try target.write(UnsafeRawBufferPointer(rebasing: $0[..<count]), at: Int64(offset))
            }
            progress.advance(Int64(count))
            unsynced += count
            if unsynced >= Self.unsyncedLimit {
                try target.sync()
                unsynced = 0
            }
        }
    }

    /// Makes the copy equal to the file, which the caller has locked: reads both, writes the differences.
    private func correct(_ target: borrowing OwnFile, _ cancellation: Cancellation) throws {
        let size = try fileSize()
        var piece = [UInt8](repeating: 0, count: Self.pieceSize)
        var copied = [UInt8](repeating: 0, count: Self.pieceSize)
        for offset in stride(from: 0, to: size, by: Self.pieceSize) {
            try cancellation.check()
            let count = try read(&piece, at: Int64(offset))
            let have = try copied.withUnsafeMutableBytes { try target.read(into: $0, at: Int64(offset)) }
            try piece.withUnsafeBytes { new in
                try copied.withUnsafeBytes { old in
                    guard let new = new.baseAddress, let old = old.baseAddress else { return }
                    if have >= count, memcmp(new, old, count) == 0 { return }
                    try target.write(UnsafeRawBufferPointer(start: new, count: count), at: Int64(offset))
                }
            }
        }
        try target.truncate(to: Int64(size))
    }

    /// Reads through SQLite's own descriptor: opening and closing another one would drop the locks of this process.
    private func read(_ buffer: inout [UInt8], at offset: Int64) throws -> Int {
        let size = try fileSize()
        let count = min(buffer.count, max(0, size - Int(offset)))
        let file = try file()
        let code = buffer.withUnsafeMutableBytes {
            file.pointee.pMethods.pointee.xRead(file, $0.baseAddress, Int32(count), offset)
        }
        guard code == SQLITE_OK || code == Self.shortRead else {
            throw SQLiteError(extendedCode: code, message: "cannot read at byte \(offset)", path: path)
        }
        return count
    }

    private func fileSize() throws -> Int {
        let file = try file()
        var size: Int64 = 0
        let code = file.pointee.pMethods.pointee.xFileSize(file, &size)
        guard code == SQLITE_OK else {
            throw SQLiteError(extendedCode: code, message: "cannot ask for the size", path: path)
        }
        return Int(size)
    }

    func file() throws -> UnsafeMutablePointer<sqlite3_file> {
        var file: UnsafeMutablePointer<sqlite3_file>?
        let code = sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file)
        guard code == SQLITE_OK, let file else {
            throw SQLiteError(extendedCode: code, message: "the open file cannot be reached", path: path)
        }
        return file
    }
}
