// SPDX-License-Identifier: Apache-2.0

extension ByteCount {
    /// An amount of bytes as people type it: `1024`, `64k`, `512MB`, `1GiB`, `1.5G`. `k M G T` with or without `B` are
    /// powers of 1000, `Ki Mi Gi Ti` powers of 1024. Nil for anything else, and for amounts that do not fit.
    public init?(_ text: String) {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = text.dropFirst(number.count).lowercased()
        let name = unit.hasSuffix("b") ? String(unit.dropLast()) : unit
        guard let factor = Self.factors[name] else { return nil }
        let halves = number.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(halves.count), halves.allSatisfy({ !$0.isEmpty }),
            let whole = Int64(halves[0])
        else { return nil }
        var (bytes, tooMuch) = whole.multipliedReportingOverflow(by: factor)
        if halves.count == 2 {
            guard factor > 1, let share = Double("0." + halves[1]) else { return nil }
            let (sum, over) = bytes.addingReportingOverflow(Int64(share * Double(factor)))
            (bytes, tooMuch) = (sum, tooMuch || over)
        }
        guard !tooMuch else { return nil }
        self.init(bytes)
    }

    /// The amount exactly as it was given if it is a whole number of GiB or MiB: a limit must not look like the size
    /// that exceeds it.
    public var asLimit: String {
        for (unit, factor) in [("GiB", Int64(1 << 30)), ("MiB", 1 << 20)]
        where bytes >= factor && bytes % factor == 0 {
            return "\(bytes / factor) \(unit)"
        }
        return description
    }

    private static let factors: [String: Int64] = [
        "": 1, "k": 1000, "m": 1_000_000, "g": 1_000_000_000, "t": 1_000_000_000_000,
        "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40,
    ]
}
