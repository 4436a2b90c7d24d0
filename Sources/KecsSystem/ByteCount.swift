// SPDX-License-Identifier: Apache-2.0

/// A size or an amount of room, in bytes. Printed with decimal units (1 kB = 1000 B), as `df -H` does.
public struct ByteCount: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    public var bytes: Int64

    public init(_ bytes: Int64) { self.bytes = bytes }

    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
    public static func + (left: ByteCount, right: ByteCount) -> ByteCount {
        ByteCount(left.bytes + right.bytes)
    }

    public init(from decoder: any Decoder) throws {
        self.bytes = try decoder.singleValueContainer().decode(Int64.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(bytes)
    }

    /// "17 B", "4.2 kB", "128 MB": two or three significant digits, never rounded up to the next unit's 1000.
    public var description: String {
        let units = ["B", "kB", "MB", "GB", "TB", "PB"]
        var value = Double(bytes.magnitude)
        var unit = 0
        while value >= 999.5, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        let sign = bytes < 0 ? "-" : ""
        if unit == 0 || value >= 99.95 { return "\(sign)\(Int(value.rounded())) \(units[unit])" }
        let tenths = Int((value * 10).rounded())
        return "\(sign)\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
