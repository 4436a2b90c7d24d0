// SPDX-License-Identifier: Apache-2.0

/// A size or an amount of free space, in bytes. Printed with decimal units (1 kB = 1000 B), as `df -H` does.
public struct ByteCount: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    public var bytes: Int64

    public init(_ bytes: Int64) { self.bytes = bytes }

    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
    /// Saturates: a size from a file may be anything. A sum that stays at the limit is refused as too large, while one
    /// that wraps around would be believed and one that traps would end the program.
    public static func + (left: ByteCount, right: ByteCount) -> ByteCount {
        ByteCount(left.bytes.adding(right.bytes))
    }

    public static func * (left: ByteCount, right: Int64) -> ByteCount {
        let (product, overflow) = left.bytes.multipliedReportingOverflow(by: right)
        return ByteCount(overflow ? (left.bytes < 0) == (right < 0) ? .max : .min : product)
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

extension Int64 {
    /// The largest valid size or count from outside: 64 PiB. A validated number can be added a hundred times without
    /// coming near the limit of the type.
    public static let largestCount: Int64 = 1 << 56

    /// The sum, or the limit of the type where it does not fit.
    public func adding(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
}

extension Sequence {
    /// The sum over all elements, or the limit of the type where it does not fit.
    public func total(_ count: (Element) throws -> Int64) rethrows -> Int64 {
        try reduce(0) { $0.adding(try count($1)) }
    }
}
