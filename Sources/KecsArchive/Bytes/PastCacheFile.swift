// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// A file that is written past the page cache where the file system supports it (O_DIRECT).
///
/// That takes a tenth of the system time, is durable sooner and evicts none of the user's pages, and a later read comes
/// from the device. Elsewhere the device is given each piece at once.
struct PastCacheFile {
    private let file: CInt
    private let path: FilePath
    private var isDirect: Bool

    /// - Parameters:
    ///   - file: An empty file that is open for writing; it stays the caller's to close.
    ///   - path: For errors.
    init(_ file: CInt, _ path: FilePath) {
        self.file = file
        self.path = path
        isDirect = fcntl(file, F_SETFL, clinux_o_direct) == 0
    }

    /// Writes to one place. A tail that is no multiple of `Block.alignment`, and what the file system does not take for
    /// where it begins, goes through the cache, and so does everything behind it.
    mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        let tail = bytes.count % Block.alignment
        if isDirect, tail != 0 {
            let whole = bytes.count - tail
            try put(UnsafeRawBufferPointer(rebasing: bytes[..<whole]), at: offset)
            becomeBuffered()
            try put(UnsafeRawBufferPointer(rebasing: bytes[whole...]), at: offset + Int64(whole))
        } else {
            try put(bytes, at: offset)
        }
    }

    private mutating func put(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        guard !bytes.isEmpty else { return }
        var rest = bytes
        var end = offset
        while !rest.isEmpty {
            let written = pwrite(file, rest.baseAddress, rest.count, off_t(end))
            if written < 0 {
                if errno == EINTR { continue }
                if errno == EINVAL, isDirect {
                    becomeBuffered()
                    continue
                }
                throw FileError.last("write to", path)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            end += Int64(written)
            // After a short write the rest is no longer aligned.
            if isDirect, !rest.isEmpty { becomeBuffered() }
        }
        if !isDirect { _ = clinux_start_writing(file, offset, Int64(bytes.count)) }
    }

    /// Writes through the cache from now on.
    mutating func becomeBuffered() {
        isDirect = false
        _ = fcntl(file, F_SETFL, 0)
    }
}
