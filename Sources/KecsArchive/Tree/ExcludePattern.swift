// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A line in gitignore's syntax (https://git-scm.com/docs/gitignore) that leaves paths out of an archive.
///
/// `*.tmp` and `cache/` match at any depth, `/cache` and `a/cache` only from the tree's root; `**` stands for any
/// number of folders; a slash at the end means folders only; `!` includes again what an earlier pattern left out.
public struct ExcludePattern: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    let isNegated: Bool
    private let foldersOnly: Bool
    private let segments: [Segment]

    private enum Segment: Hashable, Sendable {
        /// A name, as fnmatch(3) matches it; ends with NUL.
        case name([CChar])
        /// `**`: any number of folders, none included.
        case folders
    }

    /// Nil for a text that would never match; `problem(of:)` gives the reason.
    public init?(_ text: String) {
        guard Self.problem(of: text) == nil else { return nil }
        description = text
        var rest = Self.withoutTrailingSpaces(Array(text.utf8))[...]
        isNegated = rest.first == UInt8(ascii: "!")
        if isNegated { rest = rest.dropFirst() }
        foldersOnly = rest.last == UInt8(ascii: "/")
        if foldersOnly { rest = rest.dropLast() }
        let isAnchored = rest.contains(UInt8(ascii: "/"))
        if rest.first == UInt8(ascii: "/") { rest = rest.dropFirst() }
        var segments: [Segment] = isAnchored ? [] : [.folders]
        let names = rest.split(separator: UInt8(ascii: "/"))
        for name in names {
            // Without a slash next to them, two asterisks count as one.
            if name.elementsEqual("**".utf8), names.count > 1 {
                if segments.last != .folders { segments.append(.folders) }
            } else {
                segments.append(.name(name.map { CChar(bitPattern: $0) } + [0]))
            }
        }
        // `a/**` matches the content of “a”, not “a” itself.
        if segments.last == .folders { segments.append(.name([CChar(bitPattern: UInt8(ascii: "*")), 0])) }
        self.segments = segments
    }

    /// Returns why a text is no pattern; nil when it is one.
    public static func problem(of text: String) -> String? {
        var rest = withoutTrailingSpaces(Array(text.utf8))[...]
        if text.contains("\0") { return "it contains a NUL byte" }
        if rest.isEmpty { return "it is empty" }
        if rest.first == UInt8(ascii: "#") { return "it begins with #, which makes it a comment; write \\#" }
        if rest.first == UInt8(ascii: "!") { rest = rest.dropFirst() }
        let names = rest.split(separator: UInt8(ascii: "/"))
        guard !names.isEmpty else { return "it names nothing" }
        for name in names {
            if name.elementsEqual("..".utf8) || name.elementsEqual(".".utf8) {
                return "no path in a part has a name “\(String(decoding: name, as: UTF8.self))”"
            }
            if let problem = problem(ofName: name) { return problem }
        }
        return nil
    }

    private static func problem(ofName name: ArraySlice<UInt8>) -> String? {
        var index = name.startIndex
        while index < name.endIndex {
            switch name[index] {
            case UInt8(ascii: "\\"):
                index += 1
                if index == name.endIndex { return "a backslash stands before nothing" }
            case UInt8(ascii: "["):
                // A bracket right after the opening one, or after its negation, is one of the set.
                var end = index + 1
                if end < name.endIndex, name[end] == UInt8(ascii: "!") || name[end] == UInt8(ascii: "^") {
                    end += 1
                }
                if end < name.endIndex { end += 1 }
                guard let close = name[min(end, name.endIndex)...].firstIndex(of: UInt8(ascii: "]")) else {
                    return "a [ in it is never closed; write \\["
                }
                index = close
            default: break
            }
            index += 1
        }
        return nil
    }

    /// Removes spaces at the end, which do not count, unless a backslash precedes them.
    private static func withoutTrailingSpaces(_ text: [UInt8]) -> [UInt8] {
        var text = text
        while text.last == UInt8(ascii: " "), text.dropLast().last != UInt8(ascii: "\\") { text.removeLast() }
        return text
    }

    /// - Parameter names: The names of a path relative to the root, each ended by NUL.
    func matches(_ names: [[CChar]], isFolder: Bool) -> Bool {
        if foldersOnly, !isFolder { return false }
        var pattern = 0
        var name = 0
        // The place of the last `**`, and the number of names that it has taken: only this one is ever tried again.
        var wide: (pattern: Int, name: Int)?
        while name < names.count {
            if pattern < segments.count, case .folders = segments[pattern] {
                wide = (pattern, name)
                pattern += 1
            } else if pattern < segments.count, case .name(let glob) = segments[pattern],
                fnmatch(glob, names[name], 0) == 0
            {
                pattern += 1
                name += 1
            } else if let last = wide {
                wide = (last.pattern, last.name + 1)
                name = last.name + 1
                pattern = last.pattern + 1
            } else {
                return false
            }
        }
        return pattern == segments.count
    }
}
