// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem

/// The exclusions from an instance's backups: from all its parts, or from one.
///
/// Written as patterns of gitignore's syntax, each alone or with a part's name and a colon before it: `*.tmp`,
/// `data:/cache/`. A name with a colon in it is written `a\:b`.
struct Exclusions: Sendable {
    struct Item: Hashable, Sendable {
        /// The part; nil for paths below every part.
        var part: String?
        var pattern: ExcludePattern
        /// True when a flag gave it, not a setting.
        var isFlag = false
    }

    private(set) var items: [Item] = []
    private(set) var caches = false

    var isEmpty: Bool { items.isEmpty && !caches }

    /// Creates exclusions that leave nothing out.
    init() {}

    /// - Parameter flags: They follow the setting's patterns, so that they can override them.
    init(_ settings: Settings, flags: [String]) throws(Failure) {
        items = try settings.text(.exclude).flatMap { Self.items(of: $0) } ?? []
        for text in flags {
            guard var item = Self.item(text) else {
                throw Failure(
                    .usage, "“\(printable(Array(text.utf8)))” is no pattern",
                    cause: ExcludePattern.problem(of: Self.parted(text).pattern)
                        ?? "the part “config” is what kecsctl itself needs of an instance, and is always whole",
                    remedy: "kecsctl backup --help")
            }
            item.isFlag = true
            items.append(item)
        }
        caches = try settings.flag(.excludeCaches)
    }

    /// Patterns with commas between them; a comma in one is written `\,`. Nil when one of them is none.
    static func items(of text: String) -> [Item]? {
        var texts = [""]
        var isEscaped = false
        for character in text.unicodeScalars {
            if character == ",", !isEscaped {
                texts.append("")
            } else {
                texts[texts.count - 1].unicodeScalars.append(character)
            }
            isEscaped = character == "\\" && !isEscaped
        }
        let items = texts.map { item($0) }
        return items.contains(nil) ? nil : items.compactMap(\.self)
    }

    private static func item(_ text: String) -> Item? {
        let (part, pattern) = parted(text)
        // The parts of an instance that kecsctl itself needs are small, and are always there.
        if part == "config" { return nil }
        return ExcludePattern(pattern).map { Item(part: part, pattern: $0) }
    }

    private static func parted(_ text: String) -> (part: String?, pattern: String) {
        guard let colon = text.firstIndex(of: ":") else { return (nil, text) }
        let name = String(text[..<colon])
        let isName = name.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-_.".utf8.contains(byte)
        }
        guard isName, Manifest.isPartName(name) else { return (nil, text) }
        return (name, String(text[text.index(after: colon)...]))
    }

    /// Returns the patterns for a part. None for a part that is a few named files, or that only its runtime can read.
    func patterns(of part: Part) -> ExcludePatterns {
        guard case .folder = part.place.onHost else { return ExcludePatterns() }
        return ExcludePatterns(
            items.filter { $0.part == nil || $0.part == part.name }.map(\.pattern), caches: caches)
    }

    /// Returns true when anything could be left out of a part with this name.
    func concern(_ part: String) -> Bool { caches || items.contains { $0.part == nil || $0.part == part } }
}
