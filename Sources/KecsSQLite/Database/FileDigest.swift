// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// Returns the SHA-256 in hexadecimal of a whole file that no connection of this process has open.
func sha256(ofFile path: FilePath, _ cancellation: Cancellation) throws -> String {
    let file = path.withPlatformString { paths_open($0, O_RDONLY | O_CLOEXEC, 0) }
    guard file >= 0 else { throw FileError.last("open", path) }
    defer { close(file) }
    let digest = SHA256()
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
        try cancellation.check()
        let count = read(file, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { throw FileError.last("read", path) }
        if count == 0 { return digest.finish() }
        buffer.withUnsafeBytes { digest.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
}
