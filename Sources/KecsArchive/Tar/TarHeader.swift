// SPDX-License-Identifier: Apache-2.0

/// A header block as it lies in memory.
struct TarHeader {
    private let bytes: UnsafeRawBufferPointer

    /// - Parameter bytes: `Tar.block` of them.
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isZero: Bool { bytes.allSatisfy { $0 == 0 } }

    /// True when the checksum holds.
    var isSound: Bool {
        guard let recorded = number(Tar.checksum), !isZero else { return false }
        if recorded == Int64(Tar.sum(bytes)) { return true }
        // Some very old programs summed signed characters.
        var signed = 0
        for byte in bytes { signed += Int(Int8(bitPattern: byte)) }
        for index in Tar.checksum.range { signed += 32 - Int(Int8(bitPattern: bytes[index])) }
        return recorded == Int64(signed)
    }

    var type: UInt8 { bytes[Tar.type] }
    func byte(_ offset: Int) -> UInt8 { bytes[offset] }
    var isUstar: Bool { bytes[Tar.magic.range].starts(with: "ustar".utf8) }
    var isGNU: Bool { bytes[Tar.magic.range].elementsEqual("ustar  \0".utf8) }

    /// Returns the field's bytes up to the first zero.
    func text(_ field: Tar.Field) -> [UInt8] { Array(bytes[field.range].prefix { $0 != 0 }) }

    var name: [UInt8] {
        let prefix = isUstar && !isGNU ? text(Tar.prefix) : []
        return prefix.isEmpty ? text(Tar.name) : prefix + [UInt8(ascii: "/")] + text(Tar.name)
    }

    /// Octal digits between spaces and zeros, or GNU's base 256 where the first bit is set. Nil for anything else.
    func number(_ field: Tar.Field) -> Int64? {
        let first = bytes[field.offset]
        if first & 0x80 != 0 {
            var value: Int64 = first & 0x40 != 0 ? -1 : 0
            for (index, byte) in bytes[field.range].enumerated() {
                let digit = index == 0 ? byte & 0x7f | (first & 0x40 != 0 ? 0x80 : 0) : byte
                guard value >> 55 == 0 || value >> 55 == -1 else { return nil }
                value = value << 8 | Int64(digit)
            }
            return value
        }
        var value: Int64 = 0
        var hasDigit = false
        var hasEnded = false
        for byte in bytes[field.range] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "7"):
                if hasEnded { return nil }
                hasDigit = true
                value = value << 3 | Int64(byte - UInt8(ascii: "0"))
            case 0, UInt8(ascii: " "): if hasDigit || byte == 0 { hasEnded = true }
            default: return nil
            }
        }
        return value
    }
}
