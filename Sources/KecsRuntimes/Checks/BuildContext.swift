// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsArchive
import KecsSystem
import SystemPackage

/// The input of `docker build`: the folder without the files that `.dockerignore` excludes, and the databases in there.
struct BuildContext: Sendable {
    let folder: FilePath
    let ignore: DockerIgnore
    /// The databases below the folder, recognised by content, as far as they are not ignored.
    let databases: [String]

    /// Folders that are never of use in an image, and often large.
    private static let skipped = [".git", "node_modules", "target", ".build"]

    /// - Parameter dockerfile: Its own `NAME.dockerignore` counts before the folder's.
    init(_ folder: FilePath, dockerfile: FilePath, cancellation: Cancellation) throws {
        self.folder = folder
        let own = FilePath(dockerfile.string + ".dockerignore")
        let file = try own.isPresent ? own : folder.appending(".dockerignore")
        let ignore = DockerIgnore(
            try file.isPresent ? String(decoding: try file.contents(limit: 1 << 20), as: UTF8.self) : "")
        self.ignore = ignore
        let source = TreeSource(root: folder, leftOut: Set(Self.skipped.map { Array($0.utf8) }))
        databases = try scanTree(source, cancellation: cancellation).databases
            .map { String(decoding: $0.path, as: UTF8.self) }.filter { !ignore.ignores($0) }
    }

    /// Returns the databases that a source of COPY or ADD brings: `.`, a folder, a file, or a pattern.
    func databases(under source: String) -> [String] {
        let pattern = DockerIgnore.cleaned(source)
        return databases.filter { pattern.isEmpty || DockerIgnore.matches(pattern, $0) }
    }
}

/// The rules of `.dockerignore` (https://docs.docker.com/build/concepts/context/#dockerignore-files): the last one that
/// matches decides, `!` includes again, and a folder that matches takes everything below it along.
struct DockerIgnore: Sendable {
    private var rules: [(pattern: String, isException: Bool)] = []

    init(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            var rule = String(line).trimmed
            guard !rule.isEmpty, !rule.hasPrefix("#") else { continue }
            let isException = rule.hasPrefix("!")
            if isException { rule = String(rule.dropFirst()).trimmed }
            rules.append((Self.cleaned(rule), isException))
        }
    }

    func ignores(_ path: String) -> Bool {
        var isIgnored = false
        for rule in rules where Self.matches(rule.pattern, path) { isIgnored = !rule.isException }
        return isIgnored
    }

    /// Returns the pattern without `./`, slashes at the ends and `.`.
    static func cleaned(_ pattern: String) -> String {
        pattern.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }

    /// Returns true when the path, or a folder above it, matches.
    static func matches(_ pattern: String, _ path: String) -> Bool {
        fits(
            pattern.split(separator: "/").map(String.init)[...],
            path.split(separator: "/").map(String.init)[...])
    }

    private static func fits(_ pattern: ArraySlice<String>, _ path: ArraySlice<String>) -> Bool {
        guard let first = pattern.first else { return true }
        if first == "**" {
            if pattern.count == 1 { return true }
            return path.indices.contains { fits(pattern.dropFirst(), path[$0...]) }
        }
        guard let name = path.first, Self.name(Array(first)[...], fits: Array(name)[...]) else {
            return false
        }
        return fits(pattern.dropFirst(), path.dropFirst())
    }

    /// Returns true when a name matches `*`, `?` and `[…]`, as in Go's `filepath.Match`.
    private static func name(_ pattern: ArraySlice<Character>, fits name: ArraySlice<Character>) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        switch first {
        case "*":
            return (name.startIndex...name.endIndex).contains {
                Self.name(pattern.dropFirst(), fits: name[$0...])
            }
        case "?": return !name.isEmpty && Self.name(pattern.dropFirst(), fits: name.dropFirst())
        case "[":
            guard let character = name.first, let end = pattern.dropFirst().firstIndex(of: "]") else {
                return false
            }
            var set = pattern[(pattern.startIndex + 1)..<end]
            let isNegated = set.first == "^"
            if isNegated { set = set.dropFirst() }
            var isIn = false
            var rest = set
            while let low = rest.popFirst() {
                if rest.first == "-", rest.count > 1 {
                    rest = rest.dropFirst()
                    if let high = rest.popFirst(), low <= character, character <= high { isIn = true }
                } else if low == character {
                    isIn = true
                }
            }
            return isIn != isNegated && Self.name(pattern[(end + 1)...], fits: name.dropFirst())
        default: return name.first == first && Self.name(pattern.dropFirst(), fits: name.dropFirst())
        }
    }
}
