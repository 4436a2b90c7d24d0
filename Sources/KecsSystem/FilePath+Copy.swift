// SPDX-License-Identifier: Apache-2.0
import Glibc
public import SystemPackage

extension FilePath {
    /// Copies a regular file's bytes into a new file, 0600. Links are not followed, on either side.
    ///
    /// - Parameter check: Asked before every 8 MiB; what it throws ends the copying and removes the copy.
    public func copyContents(to target: FilePath, check: () throws -> Void = {}) throws {
        let source = withPlatformString { open($0, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK) }
        guard source >= 0 else { throw FileError.last("open", self) }
        defer { close(source) }
        guard try FileStatus.of(descriptor: source, at: self).kind == .file else {
            throw FileError("copy", self, .invalidArgument)
        }
        let copy = target.withPlatformString {
            open($0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        }
        guard copy >= 0 else { throw FileError.last("create", target) }
        defer { close(copy) }
        do {
            var buffer = [UInt8](repeating: 0, count: 1 << 20)
            var sinceCheck = 0
            try check()
            while true {
                let count = read(source, &buffer, buffer.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw FileError.last("read", self)
                }
                if count == 0 { return }
                var done = 0
                while done < count {
                    let wrote = buffer.withUnsafeBytes { bytes in
                        write(copy, bytes.baseAddress.map { $0 + done }, count - done)
                    }
                    if wrote < 0 {
                        if errno == EINTR { continue }
                        throw FileError.last("write to", target)
                    }
                    done += wrote
                }
                sinceCheck += count
                if sinceCheck >= 8 << 20 {
                    sinceCheck = 0
                    try check()
                }
            }
        } catch {
            _ = target.withPlatformString { unlink($0) }
            throw error
        }
    }

    /// unlink(2).
    public func remove() throws {
        guard withPlatformString({ unlink($0) }) == 0 else { throw FileError.last("remove", self) }
    }
}
