// SPDX-License-Identifier: Apache-2.0
import KecsSystem
public import SystemPackage

/// The archives of one part, in the order of their entries: the file `segments` in the part's folder.
///
/// ```text
/// kecsctl-segments 1 target=1048576
/// SHA256 BYTES SOURCEBYTES ENTRIES FINGERPRINT READAT FILE FIRST
/// ```
/// FINGERPRINT is `-` when it is empty. In FIRST, bytes other than visible ASCII, and `%`, are written as `%2F`; the root
/// is `.`. The list of an encrypted part begins with `kecsctl-segments 2`, and each line has at its end the SHA-256 and the
/// size of the archive before it was encrypted.
public struct SegmentList: Hashable, Sendable {
    public static let fileName = "segments"
    /// The largest file that is read: 400,000 segments of ordinary names.
    private static let sizeLimit = 128 << 20
    private static let heading = "kecsctl-segments 1 target="
    private static let sealedHeading = "kecsctl-segments 2 target="
    /// What the names of encrypted archives end in.
    private static let suffixes = [".gpg", ".age"]

    /// The size at which the part was cut, on average, in bytes.
    public var target: Int64
    public var segments: [Segment]

    public init(target: Int64, segments: [Segment]) {
        self.target = target
        self.segments = segments
    }

    public var bytes: Int64 { segments.total(\.bytes) }
    public var sourceBytes: Int64 { segments.total(\.sourceBytes) }
    public var entries: Int { Int(clamping: segments.total { Int64($0.entries) }) }

    /// The segments that can be used again, by their fingerprints.
    public var byFingerprint: [String: Segment] {
        Dictionary(
            segments.filter { !$0.fingerprint.isEmpty }.map { ($0.fingerprint, $0) },
            uniquingKeysWith: { first, _ in first })
    }

    /// Returns the list when `place` is the folder of a segmented part; nil when it is anything else.
    ///
    /// - Throws: `FileError`; `ArchiveError` for a list that is not one of ours.
    public static func of(_ place: FilePath) throws -> SegmentList? {
        guard try place.isFolder else { return nil }
        return try read(in: place).list
    }

    /// - Returns: The list, and the SHA-256 of its file.
    public static func read(in folder: FilePath) throws -> (list: SegmentList, sha256: String) {
        let file = folder.appending(fileName)
        let bytes = try file.contents(limit: sizeLimit)
        guard let list = SegmentList(bytes) else {
            throw ArchiveError(.damaged, file, "it is no list of segments")
        }
        return (list, sha256(bytes))
    }

    /// The SHA-256 of the list's file, whatever is in it.
    public static func digest(in folder: FilePath) throws -> String {
        sha256(try folder.appending(fileName).contents(limit: sizeLimit))
    }

    /// Whether archives of it are encrypted.
    public var isSealed: Bool { segments.contains { $0.plain != nil } }

    /// The list of the same archives before they were encrypted.
    public var unsealed: SegmentList {
        var list = self
        for (index, segment) in segments.enumerated() {
            guard let plain = segment.plain else { continue }
            let suffix = Self.suffixes.first { segment.file.hasSuffix($0) } ?? ""
            list.segments[index].file = String(segment.file.dropLast(suffix.count))
            list.segments[index].bytes = plain.bytes
            list.segments[index].sha256 = plain.sha256
            list.segments[index].plain = nil
        }
        return list
    }

    public var encoded: [UInt8] {
        let isSealed = isSealed
        var text = "\(isSealed ? Self.sealedHeading : Self.heading)\(target)\n"
        for segment in segments {
            text += "\(segment.sha256) \(segment.bytes) \(segment.sourceBytes) \(segment.entries) "
            text +=
                "\(segment.fingerprint.isEmpty ? "-" : segment.fingerprint) \(segment.readAt) \(segment.file) "
            text += Self.escaped(segment.first)
            if isSealed { text += segment.plain.map { " \($0.sha256) \($0.bytes)" } ?? " - -" }
            text += "\n"
        }
        return Array(text.utf8)
    }

    /// Nil for anything that `encoded` does not make.
    init?(_ bytes: [UInt8]) {
        guard bytes.last == UInt8(ascii: "\n") else { return nil }
        var lines = bytes.dropLast().split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)[
            ...]
        guard let first = lines.popFirst() else { return nil }
        let isSealed = first.starts(with: Self.sealedHeading.utf8)
        guard isSealed || first.starts(with: Self.heading.utf8),
            let target = Int64(String(decoding: first.dropFirst(Self.heading.utf8.count), as: UTF8.self)),
            (1...Int64.largestCount).contains(target)
        else { return nil }
        self.target = target
        segments = []
        segments.reserveCapacity(lines.count)
        var names: Set<String> = []
        for line in lines {
            let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            guard words.count == (isSealed ? 10 : 8) else { return nil }
            func text(_ index: Int) -> String { String(decoding: words[index], as: UTF8.self) }
            func count(_ index: Int) -> Int64? {
                Int64(text(index)).flatMap { (0...Int64.largestCount).contains($0) ? $0 : nil }
            }
            guard Self.isHex(words[0]), let size = count(1), let sourceBytes = count(2),
                let entries = count(3),
                text(4) == "-" || Self.isHex(words[4]), let readAt = Int64(text(5)), Self.isName(text(6)),
                names.insert(text(6)).inserted, let path = Self.unescaped(words[7])
            else { return nil }
            var plain: Segment.Plain?
            if isSealed, text(8) != "-" || text(9) != "-" {
                guard Self.isHex(words[8]), let bytes = count(9) else { return nil }
                plain = Segment.Plain(bytes: bytes, sha256: text(8))
            }
            guard (plain != nil) == Self.suffixes.contains(where: text(6).hasSuffix) else { return nil }
            segments.append(
                Segment(
                    file: text(6), bytes: size, sourceBytes: sourceBytes, entries: Int(entries),
                    sha256: text(0),
                    fingerprint: text(4) == "-" ? "" : text(4), readAt: readAt, first: path))
            segments[segments.count - 1].plain = plain
        }
        guard isSealed == self.isSealed else { return nil }
    }

    /// The name of the segment with this number, from 1 on.
    public static func name(_ number: Int, _ compression: Compression) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits + "."
            + compression.fileExtension
    }

    /// The number that a name begins with, as text: no two archives of a part have one.
    public static func stem(_ name: String) -> String { String(name.prefix { $0 != "." }) }

    /// Digits, then `.tar` or `.tar.gz`, and that of an encryption: nothing that leads out of the folder.
    private static func isName(_ sealed: String) -> Bool {
        let suffix = suffixes.first { sealed.hasSuffix($0) } ?? ""
        let name = sealed.dropLast(suffix.count)
        let digits = name.prefix { $0.isASCII && $0.isNumber }
        return (1...9).contains(digits.utf8.count)
            && [".tar", ".tar.gz"].contains(name.dropFirst(digits.count))
    }

    private static func isHex(_ word: ArraySlice<UInt8>) -> Bool {
        word.count == 64 && word.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    private static func escaped(_ path: [UInt8]) -> String {
        if path.isEmpty { return "." }
        let percent = UInt8(ascii: "%")
        // A name may be a dot only where it stands for the root.
        let isDot = path == [UInt8(ascii: ".")]
        var text: [UInt8] = []
        for byte in path {
            if (0x21..<0x7f).contains(byte), byte != percent, !isDot {
                text.append(byte)
            } else {
                text.append(percent)
                text.append(contentsOf: hex([byte]).utf8)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func unescaped(_ word: ArraySlice<UInt8>) -> [UInt8]? {
        if word.elementsEqual(".".utf8) { return [] }
        guard !word.isEmpty else { return nil }
        var path: [UInt8] = []
        var rest = word
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                path.append(byte)
                continue
            }
            guard rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            else { return nil }
            path.append(value)
            rest = rest.dropFirst(2)
        }
        return path
    }
}
