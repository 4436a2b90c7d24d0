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
        var done = 0
        while done < bytes.count {
            let count = pwrite(
                descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset) + done)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileError.last("write to", path) }
            done += count
        }
    }

    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
        var done = 0
        while done < bytes.count {
            let count = pread(
                descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset) + done)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError.last("read", path) }
            if count == 0 { break }
            done += count
        }
        return done
    }

    func truncate(to size: Int64) throws {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw FileError.last("truncate", path) }
    }

    func sync() throws {
        guard fdatasync(descriptor) == 0 else { throw FileError.last("sync", path) }
    }
}
