// SPDX-License-Identifier: Apache-2.0
import Glibc
import SystemPackage

/// How a path is told to SQLite, so that no byte of it means something else.
///
/// Debian's library reads names that begin with `file:` as URIs everywhere, and ":memory:" and "" are special.
enum SQLiteLocation {
    /// SQLite's unix VFS refuses longer names (MAX_PATHNAME in os_unix.c).
    static let longestPath = 512

    /// A plain name: absolute, or beginning with `./`.
    static func name(_ path: FilePath) -> [CChar] {
        let plain = path.isAbsolute ? path : FilePath(".").appending(path.components)
        return plain.withPlatformString { Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1)) }
    }

    /// A URI for SQLITE_OPEN_URI, with every byte but the plainest escaped.
    static func uri(_ path: FilePath, parameters: String) -> [CChar] {
        let digits = Array("0123456789ABCDEF".utf8)
        var uri = Array("file:".utf8)
        // An authority must be present and empty, else a path that begins with two slashes loses its first part.
        if path.isAbsolute { uri += Array("//".utf8) }
        for byte in name(path).dropLast().map({ UInt8(bitPattern: $0) }) {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."),
                UInt8(ascii: "-"), UInt8(ascii: "_"):
                uri.append(byte)
            default: uri += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        uri += Array("?\(parameters)".utf8)
        return uri.map { CChar(bitPattern: $0) } + [0]
    }
}
