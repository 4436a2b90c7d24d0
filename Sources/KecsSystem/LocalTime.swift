// SPDX-License-Identifier: Apache-2.0
public import SystemPackage

/// A time zone: the difference between local time and UTC at a moment.
///
/// Read from the machine's own time zone data (RFC 9636), because Swift's would need the whole of Foundation.
public struct LocalTime: Hashable, Sendable {
    private var transitions: [Int64] = []
    /// The index in `offsets` that begins with each transition.
    private var kinds: [UInt8] = []
    private var offsets: [Int64] = [0]
    /// The rule after the last transition.
    private var rule: TimeZoneRule?

    public static let utc = LocalTime()

    private init() {}

    /// - Returns: Seconds east of UTC.
    public func offset(at seconds: Int64) -> Int64 {
        if let last = transitions.last, seconds >= last, let rule { return rule.offset(at: seconds) }
        if transitions.isEmpty, let rule { return rule.offset(at: seconds) }
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] <= seconds { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? offsets[0] : offsets[Int(kinds[low - 1])]
    }

    // MARK: Where it comes from

    public static let folder: FilePath = "/usr/share/zoneinfo"

    /// The machine's own time zone: `TZ` as tzset(3) reads it, else `/etc/localtime`; UTC without either.
    public static func machine(_ environment: [String: String]) -> LocalTime {
        if let text = environment["TZ"], !text.isEmpty {
            let name = text.hasPrefix(":") ? String(text.dropFirst()) : text
            if let found = LocalTime(named: name) ?? TimeZoneRule(name).map({ LocalTime(rule: $0) }) {
                return found
            }
            return .utc
        }
        return LocalTime(file: "/etc/localtime") ?? .utc
    }

    /// Creates a zone by a name of the time zone data, such as `Europe/Berlin`, or by the absolute path of a file of
    /// it.
    public init?(named name: String) {
        if name == "UTC" {
            self = .utc
            return
        }
        let path = FilePath(name)
        guard !name.isEmpty, path.components.allSatisfy({ $0.kind == .regular }) else { return nil }
        self.init(file: path.isAbsolute ? path : Self.folder.pushing(path))
    }

    private init(rule: TimeZoneRule) {
        self.rule = rule
        offsets = [rule.standard]
    }

    private init?(file: FilePath) {
        // The largest file of the 2024 data has 3.6 KB.
        guard let bytes = try? file.contents(limit: 1 << 20) else { return nil }
        self.init(bytes)
    }

    /// The second, 64-bit half of a TZif file of version 2 or later, and its footer.
    init?(_ bytes: [UInt8]) {
        guard let first = Header(bytes, at: 0), bytes[4] >= UInt8(ascii: "2") else { return nil }
        let start = Header.size + first.size(ofTime: 4)
        guard let header = Header(bytes, at: start) else { return nil }
        var at = start + Header.size
        guard bytes.count >= at + header.size(ofTime: 8), header.types > 0 else { return nil }
        for index in 0..<header.times { transitions.append(Self.number(bytes, at + index * 8, 8)) }
        at += header.times * 8
        kinds = Array(bytes[at..<at + header.times])
        at += header.times
        offsets = (0..<header.types).map { Self.number(bytes, at + $0 * 6, 4) }
        guard kinds.allSatisfy({ Int($0) < offsets.count }), transitions == transitions.sorted() else {
            return nil
        }
        let footer = bytes[(start + Header.size + header.size(ofTime: 8))...]
        let text = footer.dropFirst().prefix { $0 != UInt8(ascii: "\n") }
        rule = TimeZoneRule(String(decoding: text, as: UTF8.self))
    }

    private struct Header {
        static let size = 44
        var isUTC, isStandard, leaps, times, types, characters: Int

        init?(_ bytes: [UInt8], at start: Int) {
            guard bytes.count >= start + Self.size, bytes[start..<start + 4].elementsEqual("TZif".utf8) else {
                return nil
            }
            let counts = (0..<6).map { Int(LocalTime.number(bytes, start + 20 + $0 * 4, 4)) }
            guard counts.allSatisfy({ (0...65_536).contains($0) }) else { return nil }
            (isUTC, isStandard, leaps) = (counts[0], counts[1], counts[2])
            (times, types, characters) = (counts[3], counts[4], counts[5])
        }

        func size(ofTime width: Int) -> Int {
            times * (width + 1) + types * 6 + characters + leaps * (width + 4) + isStandard + isUTC
        }
    }

    private static func number(_ bytes: [UInt8], _ at: Int, _ width: Int) -> Int64 {
        let value = bytes[at..<at + width].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return width == 4 ? Int64(Int32(truncatingIfNeeded: value)) : Int64(bitPattern: value)
    }
}
