// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

extension FilePath {
    /// The last bytes of a file, and whether they are all of it.
    func tail(_ limit: Int) throws -> (bytes: [UInt8], isWhole: Bool) {
        let file = withPlatformString { paths_open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0) }
        guard file >= 0 else { throw FileError.last("open", self) }
        defer { close(file) }
        let status = try FileStatus.of(descriptor: file, at: self)
        guard status.kind == .file else { throw FileError("read", self, .invalidArgument) }
        let start = max(0, status.size - Int64(limit))
        var bytes = [UInt8](repeating: 0, count: Int(status.size - start))
        var filled = 0
        while filled < bytes.count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                pread(
                    file, buffer.baseAddress?.advanced(by: filled), buffer.count - filled,
                    off_t(start) + off_t(filled))
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw FileError.last("read", self) }
            if got == 0 { break }
            filled += got
        }
        bytes.removeSubrange(filled...)
        return (bytes, start == 0)
    }
}
