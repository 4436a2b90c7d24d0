// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A pattern for `--path`: `*`, `?`, `[…]` as in the shell, but `*` and `?` also match a slash, so that `data/*` means
/// everything below.
public struct Glob: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ pattern: String) { description = pattern }

    /// - Parameter path: Raw bytes without a leading slash. A pattern that names a folder matches all below it.
    public func matches(_ path: [UInt8]) -> Bool {
        var rest = path[...]
        while true {
            if fnmatch(description, rest.map { CChar(bitPattern: $0) } + [0], 0) == 0 { return true }
            guard let slash = rest.lastIndex(of: UInt8(ascii: "/")) else { return false }
            rest = rest[..<slash]
        }
    }

    /// Returns true when the pattern matches as in `find`: without a slash the last name, with one the whole path;
    /// nothing below.
    public func matchesItself(_ path: [UInt8]) -> Bool {
        let slash = UInt8(ascii: "/")
        let text = description.contains("/") ? path[...] : path.split(separator: slash).last ?? []
        return fnmatch(description, text.map { CChar(bitPattern: $0) } + [0], 0) == 0
    }
}
