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
        let filled = try bytes.withUnsafeMutableBytes { try readFully(file, into: $0, at: start, of: self) }
        bytes.removeSubrange(filled...)
        return (bytes, start == 0)
    }
}
