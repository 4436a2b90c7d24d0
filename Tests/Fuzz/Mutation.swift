// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Numbers that are the same on every machine for the same seed (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64, _ round: UInt64) { state = seed &+ round &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Changes that keep the shape, so that they get past the first check: numbers at their limits, other types, deep nesting,
/// members that are missing or there twice.
struct Mutation {
    var random: SeededRandom

    static let numbers = [
        "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-1", "0", "1",
        "4294967296", "2147483648", "72057594037927936", "72057594037927937", "18446744073709551615", "1e308",
        "1e999", "0.5", "-0", "1E400", "00", "99999999999999999999999999",
    ]
    static let texts = [
        "", "..", "../../x", "/", "\u{0}", "2026-11-28T22:00:00Z", "9999999-01-01T00:00:00Z", "-1",
        "\u{FEFF}",
        "20261128T220000Z-manual", "data", "true", "90s", "99999999999w", String(repeating: "a", count: 5000),
        "é\u{301}\u{202E}", "volume:x", "file:/etc/passwd", "0000-00-00T00:00:00Z",
        "2026-13-45T99:99:99.9999999999Z",
    ]

    mutating func mutate(_ bytes: [UInt8], of decoder: Decoder) -> [UInt8] {
        var result = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            switch decoder {
            case .tar: result = tar(result)
            case .compose, .sql, .words: result = text(result)
            default:
                if let value = try? JSONValue(parsing: String(decoding: result, as: UTF8.self)),
                    Int.random(in: 0..<8, using: &random) > 0
                {
                    result = Array(json(value).description.utf8)
                } else {
                    result = text(result)
                }
            }
        }
        return result
    }

    /// One node somewhere in the value is another one.
    private mutating func json(_ value: JSONValue) -> JSONValue {
        let descends = Int.random(in: 0..<5, using: &random) > 0
        switch value {
        case .object(var members) where !members.isEmpty && descends:
            let keys = members.keys.sorted()
            let key = keys[Int.random(in: 0..<keys.count, using: &random)]
            switch Int.random(in: 0..<8, using: &random) {
            case 0: members[key] = nil
            case 1: members[Self.texts.randomElement(using: &random) ?? ""] = members[key]
            default: members[key] = members[key].map { json($0) }
            }
            return .object(members)
        case .array(var items) where !items.isEmpty && descends:
            let index = Int.random(in: 0..<items.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: items.remove(at: index)
            case 1: items.append(contentsOf: items)
            default: items[index] = json(items[index])
            }
            return .array(Array(items.prefix(64)))
        default: return leaf()
        }
    }

    private mutating func leaf() -> JSONValue {
        switch Int.random(in: 0..<7, using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2, 3:
            let text = Self.numbers.randomElement(using: &random) ?? "0"
            return Int64(text).map { .integer($0) } ?? Double(text).map { .real($0) } ?? .integer(.max)
        case 4: return .string(Self.texts.randomElement(using: &random) ?? "")
        case 5: return Bool.random(using: &random) ? .array([]) : .object([:])
        default:
            var value = JSONValue.integer(1)
            for _ in 0..<Int.random(in: 1...150, using: &random) {
                value = Bool.random(using: &random) ? .array([value]) : .object(["a": value])
            }
            return value
        }
    }

    /// Bytes: some go, some come twice, a number becomes another one, brackets without end.
    private mutating func text(_ bytes: [UInt8]) -> [UInt8] {
        guard !bytes.isEmpty else { return Array((Self.texts.randomElement(using: &random) ?? "").utf8) }
        var bytes = bytes
        let place = Int.random(in: 0..<bytes.count, using: &random)
        let end = min(bytes.count, place + Int.random(in: 1...16, using: &random))
        switch Int.random(in: 0..<7, using: &random) {
        case 0: bytes.removeSubrange(place..<end)
        case 1: bytes.insert(contentsOf: bytes[place..<end], at: place)
        case 2: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 3:
            bytes.insert(
                contentsOf: Array((Self.numbers.randomElement(using: &random) ?? "").utf8), at: place)
        case 4:
            bytes.insert(contentsOf: Array((Self.texts.randomElement(using: &random) ?? "").utf8), at: place)
        case 5:
            let bracket: UInt8 =
                [UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: "'"), UInt8(ascii: "(")]
                .randomElement(using: &random) ?? 0
            bytes.insert(
                contentsOf: [UInt8](repeating: bracket, count: Int.random(in: 1...3000, using: &random)),
                at: place)
        default:
            // A run of digits becomes a number at a limit.
            guard let first = bytes[place...].firstIndex(where: { (48...57).contains($0) }) else { break }
            let last = bytes[first...].firstIndex { !(48...57).contains($0) } ?? bytes.count
            bytes.replaceSubrange(
                first..<last, with: Array((Self.numbers.randomElement(using: &random) ?? "").utf8))
        }
        return Array(bytes.prefix(1 << 17))
    }

    /// Fields of a header, with a checksum that holds; records of pax headers; else bytes.
    private mutating func tar(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        guard bytes.count >= 512 else { return text(bytes) }
        let block = Int.random(in: 0..<(bytes.count / 512), using: &random) * 512
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return text(bytes)
        case 1:
            // The content of a pax header, if it is one.
            return text(bytes)
        case 2: bytes[block + 156] = Array("0123456789xgLKSV7\u{0}".utf8).randomElement(using: &random) ?? 0
        case 3:
            // Mode, owner, group, size, time, and the sparse fields of GNU.
            let field =
                [(100, 8), (108, 8), (116, 8), (124, 12), (136, 12), (386, 12), (398, 12), (483, 12)]
                .randomElement(using: &random) ?? (124, 12)
            let values: [[UInt8]] = [
                Array("77777777777".utf8), [0x80] + [UInt8](repeating: 0xFF, count: 11),
                [0xFF] + [UInt8](repeating: 0xFF, count: 11),
                [0x80, 0, 0, 0, 0x7F] + [UInt8](repeating: 0xFF, count: 7),
                [0x80, 0, 0, 0, 0x80] + [UInt8](repeating: 0, count: 7), Array("-1".utf8),
                Array("00000001000".utf8), [],
            ]
            let value = values.randomElement(using: &random) ?? []
            for index in 0..<field.1 {
                bytes[block + field.0 + index] = index < value.count ? value[index] : 0
            }
        case 4: bytes.removeSubrange(block..<min(bytes.count, block + 512))
        default: bytes.insert(contentsOf: bytes[block..<min(bytes.count, block + 512)], at: block)
        }
        if block + 512 <= bytes.count { Self.correctChecksum(&bytes, block) }
        return Array(bytes.prefix(1 << 16))
    }

    static func correctChecksum(_ bytes: inout [UInt8], _ block: Int) {
        for index in 148..<156 { bytes[block + index] = 32 }
        let sum = bytes[block..<block + 512].reduce(0) { $0 + Int($1) }
        let digits = String(sum, radix: 8)
        let text = Array((String(repeating: "0", count: max(0, 6 - digits.count)) + digits).utf8) + [0, 32]
        for (index, byte) in text.prefix(8).enumerated() { bytes[block + 148 + index] = byte }
    }
}
