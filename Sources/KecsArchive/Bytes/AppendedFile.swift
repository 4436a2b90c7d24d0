// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// A new file that is only ever appended to, with its digest, written past the page cache.
final class AppendedFile: @unchecked Sendable {
    // @unchecked: one thread creates it, hands it to the writing one, and uses it again after that one has ended.
    private static let chunk = 1 << 20
    private static let slice = 32 << 10
    private let path: FilePath
    private let file: CInt
    private var output: PastCacheFile
    private let buffer: UnsafeMutableRawBufferPointer
    private var used = 0
    private let digest = SHA256()
    /// Bytes that went from the buffer to the file.
    private(set) var count: Int64 = 0

    /// - Throws: `FileError` with EEXIST when something has that name.
    init(creating path: FilePath) throws {
        self.path = path
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        file = path.withPlatformString { paths_open($0, flags, 0o600) }
        guard file >= 0 else { throw FileError.last("create", path) }
        buffer = .allocate(byteCount: Self.chunk, alignment: Block.alignment)
        output = PastCacheFile(file, path)
        guard fchmod(file, 0o600) == 0 else { throw FileError.last("set the mode of", path) }
    }

    deinit {
        close(file)
        buffer.deallocate()
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = min(rest.count, Self.chunk - used, Self.slice)
            let part = UnsafeRawBufferPointer(rebasing: rest[..<count])
            // In this order the digest fetches the bytes and the copy finds them in the cache.
            digest.update(part)
            UnsafeMutableRawBufferPointer(rebasing: buffer[used...]).copyMemory(from: part)
            used += count
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            if used == Self.chunk { try flush() }
        }
    }

    /// Writes what is left, and makes everything that was appended durable on the device.
    ///
    /// - Parameter isDurable: False where the caller syncs the whole file system.
    /// - Returns: The file's digest.
    func finish(_ cancellation: Cancellation, isDurable: Bool = true) throws -> String {
        // To wait for the device at the end of each small archive takes longer than it saves.
        output.becomeBuffered()
        try flush()
        guard isDurable else { return digest.finish() }
        // Piece by piece first, because nothing can interrupt fdatasync.
        var done: Int64 = 0
        while done < count {
            try cancellation.check()
            _ = clinux_wait_written(file, done, 16 << 20)
            done += 16 << 20
        }
        guard fdatasync(file) == 0 else { throw FileError.last("sync", path) }
        return digest.finish()
    }

    private func flush() throws {
        try output.write(UnsafeRawBufferPointer(rebasing: buffer[..<used]), at: count)
        count += Int64(used)
        used = 0
    }
}
