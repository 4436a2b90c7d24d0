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
    return try sha256(of: file, path, cancellation)
}

/// Returns the SHA-256 in hexadecimal of a whole open file, wherever its offset is.
func sha256(of file: CInt, _ path: FilePath, _ cancellation: Cancellation) throws -> String {
    let digest = SHA256()
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var offset: Int64 = 0
    while true {
        try cancellation.check()
        let count = try buffer.withUnsafeMutableBytes { try readFully(file, into: $0, at: offset, of: path) }
        if count == 0 { return digest.finish() }
        buffer.withUnsafeBytes { digest.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        offset += Int64(count)
    }
}
