// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import SystemPackage

extension FilePath {
    /// Writes everything that comes out of a descriptor into a new file, 0600: a pipe can be read only once.
    ///
    /// - Parameter check: Called several times a second. An error that it throws ends the reading and removes the file.
    /// - Returns: The number of bytes that came.
    public func spool(_ source: CInt, check: () throws -> Void) throws -> Int64 {
        let file = withPlatformString {
            paths_open($0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        }
        guard file >= 0 else { throw FileError.last("create", self) }
        defer { close(file) }
        do {
            var buffer = [UInt8](repeating: 0, count: 1 << 20)
            var total: Int64 = 0
            while true {
                try check()
                var waiting = pollfd(fd: source, events: Int16(POLLIN), revents: 0)
                let isReady = poll(&waiting, 1, 200)
                if isReady == 0 || (isReady < 0 && errno == EINTR) { continue }
                guard isReady > 0 else { throw FileError.last("wait for", "standard input") }
                let count = read(source, &buffer, buffer.count)
                if count < 0 {
                    if errno == EINTR || errno == EAGAIN { continue }
                    throw FileError.last("read", "standard input")
                }
                if count == 0 { return total }
                try buffer.withUnsafeBytes { bytes in
                    try writeFully(UnsafeRawBufferPointer(rebasing: bytes[..<count]), to: file, of: self)
                }
                total += Int64(count)
            }
        } catch {
            _ = withPlatformString { paths_unlink($0) }
            throw error
        }
    }
}
