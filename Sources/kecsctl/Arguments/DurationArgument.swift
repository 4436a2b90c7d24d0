// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// A length of time as people type it: `500ms`, `90s`, `5m`, `1h`, `2d`, `1w`, and sums such as `1h30m`.
///
/// A bare number is refused, because nobody can know whether `--timeout 5` meant seconds or minutes; only `0` needs
/// no unit.
struct DurationArgument: Hashable, Sendable {
    let duration: Duration

    init?(_ text: String) {
        if text == "0" {
            duration = .zero
            return
        }
        var rest = Substring(text)
        var sum: Int64 = 0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard let count = Int64(digits) else { return nil }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isLetter }
            guard let milliseconds = Self.milliseconds[String(unit)] else { return nil }
            rest = rest.dropFirst(unit.count)
            let (part, tooLong) = count.multipliedReportingOverflow(by: milliseconds)
            let (total, sumTooLong) = sum.addingReportingOverflow(part)
            guard !tooLong, !sumTooLong, total <= Self.longest else { return nil }
            sum = total
        }
        guard !text.isEmpty else { return nil }
        duration = .milliseconds(sum)
    }

    private static let milliseconds: [String: Int64] = [
        "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000,
    ]
    /// A hundred years: nothing here lasts longer, and sums with the present stay inside every type.
    private static let longest: Int64 = 36_500 * 86_400_000
}

extension DurationArgument: ExpressibleByArgument {
    init?(argument: String) { self.init(argument) }
}
