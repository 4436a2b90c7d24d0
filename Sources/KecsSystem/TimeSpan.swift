// SPDX-License-Identifier: Apache-2.0

/// A length of time as people type it: `90s`, `5m`, `12h`, `7d`, `2w`, `250ms`.
public struct TimeSpan: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// Nil for a missing unit, a negative number or more than a hundred years.
    public init?(_ text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let factors: [Substring: Int64] = [
            "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000,
        ]
        guard let number = Int64(digits), let factor = factors[text[digits.endIndex...]] else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        guard !overflow, product <= 36_525 * 86_400_000 else { return nil }
        milliseconds = product
    }

    public var duration: Duration { .milliseconds(milliseconds) }
    public var seconds: Int64 { milliseconds / 1000 }

    public static func < (left: TimeSpan, right: TimeSpan) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// The span in the largest unit that divides it, so that `TimeSpan(description)` is the same span.
    public var description: String {
        for (unit, factor) in [("d", Int64(86_400_000)), ("h", 3_600_000), ("m", 60_000), ("s", 1000)]
        where milliseconds >= factor && milliseconds % factor == 0 {
            return "\(milliseconds / factor)\(unit)"
        }
        return milliseconds == 0 ? "0s" : "\(milliseconds)ms"
    }
}
