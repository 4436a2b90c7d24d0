// SPDX-License-Identifier: Apache-2.0

/// An error in bytes that are not msgpack, or not the expected value at that place.
struct MessagePackError: Error, Hashable {
    let offset: Int
}

/// Reads msgpack value by value from untrusted bytes. A length counts only when that many bytes are there, so that the
/// input bounds the memory; no function is recursive.
struct MessagePack {
    let bytes: [UInt8]
    private(set) var position: Int
    let end: Int

    init(_ bytes: [UInt8], _ range: Range<Int>? = nil) {
        self.bytes = bytes
        position = range?.lowerBound ?? 0
        end = range?.upperBound ?? bytes.count
    }

    var isAtEnd: Bool { position == end }
    var failure: MessagePackError { MessagePackError(offset: position) }

    private mutating func byte() throws(MessagePackError) -> UInt8 {
        guard position < end else { throw failure }
        defer { position += 1 }
        return bytes[position]
    }

    /// Reads a big-endian number of `count` bytes.
    private mutating func number(_ count: Int) throws(MessagePackError) -> UInt64 {
        guard end - position >= count else { throw failure }
        var value: UInt64 = 0
        for index in position..<(position + count) { value = value << 8 | UInt64(bytes[index]) }
        position += count
        return value
    }

    /// Reads a length, and checks that so many bytes follow.
    private mutating func range(_ lengthBytes: Int) throws(MessagePackError) -> Range<Int> {
        try range(of: try number(lengthBytes))
    }

    private mutating func range(of count: UInt64) throws(MessagePackError) -> Range<Int> {
        guard count <= UInt64(end - position) else { throw failure }
        let start = position
        position += Int(count)
        return start..<position
    }

    /// Reads any whole number that fits; msgpack's writers take the shortest form.
    mutating func integer() throws(MessagePackError) -> Int64 {
        let start = position
        let tag = try byte()
        let value: Int64? =
            switch tag {
            case 0x00...0x7f: Int64(tag)
            case 0xe0...0xff: Int64(Int8(bitPattern: tag))
            case 0xcc: Int64(try number(1))
            case 0xcd: Int64(try number(2))
            case 0xce: Int64(try number(4))
            case 0xcf: Int64(exactly: try number(8))
            case 0xd0: Int64(Int8(truncatingIfNeeded: try number(1)))
            case 0xd1: Int64(Int16(truncatingIfNeeded: try number(2)))
            case 0xd2: Int64(Int32(truncatingIfNeeded: try number(4)))
            case 0xd3: Int64(bitPattern: try number(8))
            default: nil
            }
        guard let value else { throw MessagePackError(offset: start) }
        return value
    }

    /// Reads a bin, and returns the range of its bytes.
    mutating func binary() throws(MessagePackError) -> Range<Int> {
        let start = position
        switch try byte() {
        case 0xc4: return try range(1)
        case 0xc5: return try range(2)
        case 0xc6: return try range(4)
        default: throw MessagePackError(offset: start)
        }
    }

    /// Reads a str; bytes that are not UTF-8 become U+FFFD.
    mutating func string() throws(MessagePackError) -> String {
        let start = position
        let tag = try byte()
        let range: Range<Int>
        switch tag {
        case 0xa0...0xbf: range = try self.range(of: UInt64(tag & 0x1f))
        case 0xd9: range = try self.range(1)
        case 0xda: range = try self.range(2)
        case 0xdb: range = try self.range(4)
        default: throw MessagePackError(offset: start)
        }
        return String(decoding: bytes[range], as: UTF8.self)
    }

    /// Reads a str or a bin as text.
    mutating func text() throws(MessagePackError) -> String {
        if position < end, [0xc4, 0xc5, 0xc6].contains(bytes[position]) {
            return String(decoding: bytes[try binary()], as: UTF8.self)
        }
        return try string()
    }

    /// Reads the number of elements that follow; never more than the number of bytes left.
    mutating func arrayCount() throws(MessagePackError) -> Int {
        let start = position
        let tag = try byte()
        let count: UInt64
        switch tag {
        case 0x90...0x9f: count = UInt64(tag & 0x0f)
        case 0xdc: count = try number(2)
        case 0xdd: count = try number(4)
        default: throw MessagePackError(offset: start)
        }
        guard count <= UInt64(end - position) else { throw MessagePackError(offset: start) }
        return Int(count)
    }

    /// Reads the number of pairs that follow.
    mutating func mapCount() throws(MessagePackError) -> Int {
        let start = position
        let tag = try byte()
        let count: UInt64
        switch tag {
        case 0x80...0x8f: count = UInt64(tag & 0x0f)
        case 0xde: count = try number(2)
        case 0xdf: count = try number(4)
        default: throw MessagePackError(offset: start)
        }
        guard count <= UInt64(end - position) / 2 else { throw MessagePackError(offset: start) }
        return Int(count)
    }

    /// Reads a nil, if there is one.
    mutating func takeNil() -> Bool {
        guard position < end, bytes[position] == 0xc0 else { return false }
        position += 1
        return true
    }

    /// Skips one value of any kind, at any depth.
    mutating func skip() throws(MessagePackError) {
        var pending: UInt64 = 1
        while pending > 0 {
            // Each value that follows takes at least one byte.
            guard pending <= UInt64(end - position) else { throw failure }
            pending -= 1
            let start = position
            let tag = try byte()
            switch tag {
            case 0x00...0x7f, 0xe0...0xff, 0xc0, 0xc2, 0xc3: break
            case 0x80...0x8f: pending += 2 * UInt64(tag & 0x0f)
            case 0x90...0x9f: pending += UInt64(tag & 0x0f)
            case 0xa0...0xbf: _ = try range(of: UInt64(tag & 0x1f))
            case 0xc4, 0xd9: _ = try range(1)
            case 0xc5, 0xda: _ = try range(2)
            case 0xc6, 0xdb: _ = try range(4)
            case 0xc7...0xc9: _ = try range(of: try number(1 << (tag - 0xc7)) + 1)
            case 0xcc, 0xd0: _ = try number(1)
            case 0xcd, 0xd1: _ = try number(2)
            case 0xca, 0xce, 0xd2: _ = try number(4)
            case 0xcb, 0xcf, 0xd3: _ = try number(8)
            case 0xd4...0xd8: _ = try range(of: UInt64(1) << (tag - 0xd4) + 1)
            case 0xdc: pending += try number(2)
            case 0xdd: pending += try number(4)
            case 0xde: pending += 2 * (try number(2))
            case 0xdf: pending += 2 * (try number(4))
            default: throw MessagePackError(offset: start)
            }
        }
    }
}
