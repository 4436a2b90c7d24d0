// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// A new file with a separate descriptor that no SQLite connection knows.
struct OwnFile: ~Copyable {
    let path: FilePath
    private let descriptor: CInt

    init(creating path: FilePath) throws {
        self.path = path
        descriptor = path.withPlatformString {
            paths_open($0, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        }
        guard descriptor >= 0 else { throw FileError.last("create", path) }
        guard fchmod(descriptor, 0o600) == 0 else { throw FileError.last("set the mode of", path) }
    }

    deinit { close(descriptor) }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        try writeFully(bytes, to: descriptor, at: offset, of: path)
    }

    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
        try readFully(descriptor, into: bytes, at: offset, of: path)
    }

    func truncate(to size: Int64) throws {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw FileError.last("truncate", path) }
    }

    /// Lets the device begin with a range. An error is told by `sync`.
    func startWriting(from offset: Int64, count: Int64) {
        _ = clinux_start_writing(descriptor, offset, count)
    }

    /// Waits for the device to have everything up to a place.
    func awaitWriting(upTo offset: Int64) {
        // A count of 0 would mean the whole file.
        if offset > 0 { _ = clinux_wait_written(descriptor, 0, offset) }
    }

    func sync() throws {
        guard fdatasync(descriptor) == 0 else { throw FileError.last("sync", path) }
    }
}
