// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem

/// A pattern for `--path`: `*`, `?`, `[…]` as in the shell, but `*` and `?` also match a slash, so that `data/*` means
/// everything below.
public struct Glob: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    /// - Parameter pattern: Slashes at its end are for people.
    public init(_ pattern: String) {
        let end = pattern.lastIndex { $0 != "/" }
        description = end.map { String(pattern[...$0]) } ?? pattern
    }

    /// - Parameter path: Raw bytes without a leading slash. A pattern that names a folder matches all below it.
    public func matches(_ path: [UInt8]) -> Bool {
        var rest = path[...]
        while true {
            if fnmatch(description, rest.map { CChar(bitPattern: $0) } + [0], 0) == 0 { return true }
            guard let slash = rest.lastIndex(of: UInt8(ascii: "/")) else { return false }
            rest = rest[..<slash]
        }
    }

    /// Whether it is meant by `--path`: as a path in the part, below the folder that the part is, or as answers print it.
    ///
    /// - Parameter label: The part's folder, such as "minio-data"; empty for the configuration.
    public func matches(_ path: [UInt8], in part: String, label: String) -> Bool {
        if matches(path) { return true }
        for name in Set([part, label]) where !name.isEmpty {
            if matches(Array("\(name)/".utf8) + path) { return true }
        }
        guard description.contains("\\") else { return false }
        let text = printable(path)
        return description == text || description == "\(part)/\(text)"
    }

    /// Returns true when the pattern matches as in `find`: without a slash the last name, with one the whole path;
    /// nothing below.
    public func matchesItself(_ path: [UInt8]) -> Bool {
        let slash = UInt8(ascii: "/")
        let text = description.contains("/") ? path[...] : path.split(separator: slash).last ?? []
        return fnmatch(description, text.map { CChar(bitPattern: $0) } + [0], 0) == 0
    }
}
