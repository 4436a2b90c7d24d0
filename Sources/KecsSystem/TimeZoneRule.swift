// SPDX-License-Identifier: Apache-2.0

/// A time zone in POSIX's form, `CET-1CEST,M3.5.0,M10.5.0/3`: the rule after a zone file's last transition.
struct TimeZoneRule: Hashable, Sendable {
    /// Seconds east of UTC.
    var standard: Int64
    var summer: (offset: Int64, start: Day, end: Day)? {
        summerOffset.flatMap { offset in start.flatMap { start in end.map { (offset, start, $0) } } }
    }
    private var summerOffset: Int64?
    private var start: Day?
    private var end: Day?

    struct Day: Hashable, Sendable {
        enum Kind: Hashable, Sendable {
            /// 1 to 365, 29 February never counted.
            case julian(Int64)
            /// 0 to 365
            case ofYear(Int64)
            /// The n-th (5: last) of a weekday (0: Sunday) of a month.
            case weekday(month: Int64, week: Int64, day: Int64)
        }
        var kind: Kind
        /// The seconds after midnight of local time.
        var seconds: Int64
    }

    init?(_ text: String) {
        var rest = Substring(text)
        guard Self.name(&rest), let offset = Self.time(&rest) else { return nil }
        standard = -offset
        if rest.isEmpty { return }
        guard Self.name(&rest) else { return nil }
        var summer = standard + 3600
        if let first = rest.first, first != "," {
            guard let offset = Self.time(&rest) else { return nil }
            summer = -offset
        }
        // Without dates tzset(3) takes those of the United States.
        if rest.isEmpty { rest = ",M3.2.0,M11.1.0" }
        guard let start = Self.day(&rest), let end = Self.day(&rest), rest.isEmpty else { return nil }
        (summerOffset, self.start, self.end) = (summer, start, end)
    }

    func offset(at seconds: Int64) -> Int64 {
        guard let summer else { return standard }
        let year = CivilDay(days: (seconds + standard).floored(by: 86_400)).year
        let start = summer.start.moment(in: year) - standard
        let end = summer.end.moment(in: year) - summer.offset
        let isSummer = start < end ? seconds >= start && seconds < end : seconds >= start || seconds < end
        return isSummer ? summer.offset : standard
    }

    // MARK: Reading

    private static func name(_ rest: inout Substring) -> Bool {
        if rest.first == "<" {
            guard let close = rest.firstIndex(of: ">") else { return false }
            rest = rest[rest.index(after: close)...]
            return true
        }
        let letters = rest.prefix { $0.isASCII && $0.isLetter }
        rest = rest.dropFirst(letters.count)
        return letters.count >= 3
    }

    private static func number(_ rest: inout Substring) -> Int64? {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        rest = rest.dropFirst(digits.count)
        return digits.count <= 4 ? Int64(digits) : nil
    }

    private static func skip(_ one: Character, _ rest: inout Substring) -> Bool {
        guard rest.first == one else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// `[+-]hh[:mm[:ss]]`
    private static func time(_ rest: inout Substring) -> Int64? {
        let isNegative = rest.first == "-"
        if isNegative || rest.first == "+" { rest = rest.dropFirst() }
        guard let hours = number(&rest) else { return nil }
        var seconds = hours * 3600
        for unit: Int64 in [60, 1] where skip(":", &rest) {
            guard let part = number(&rest) else { return nil }
            seconds += part * unit
        }
        return isNegative ? -seconds : seconds
    }

    /// `,M3.5.0/2`, `,J60` or `,59`
    private static func day(_ rest: inout Substring) -> Day? {
        guard skip(",", &rest) else { return nil }
        let kind: Day.Kind
        if skip("M", &rest) {
            guard let month = number(&rest), skip(".", &rest), let week = number(&rest), skip(".", &rest),
                let day = number(&rest), (1...12).contains(month), (1...5).contains(week), day < 7
            else { return nil }
            kind = .weekday(month: month, week: week, day: day)
        } else if skip("J", &rest) {
            guard let day = number(&rest), (1...365).contains(day) else { return nil }
            kind = .julian(day)
        } else {
            guard let day = number(&rest), day < 366 else { return nil }
            kind = .ofYear(day)
        }
        guard skip("/", &rest) else { return Day(kind: kind, seconds: 7200) }
        return time(&rest).map { Day(kind: kind, seconds: $0) }
    }
}

extension TimeZoneRule.Day {
    /// Returns the moment as if local time were UTC.
    fileprivate func moment(in year: Int64) -> Int64 {
        let first = CivilDay(year: year, month: 1, day: 1).days
        switch kind {
        case .ofYear(let day): return (first + day) * 86_400 + seconds
        case .julian(let day):
            let isLeap = CivilDay(year: year, month: 3, day: 1).days - first == 60
            return (first + day - 1 + (isLeap && day >= 60 ? 1 : 0)) * 86_400 + seconds
        case .weekday(let month, let week, let day):
            let start = CivilDay(year: year, month: month, day: 1).days
            let next =
                month == 12
                ? CivilDay(year: year + 1, month: 1, day: 1).days
                : CivilDay(year: year, month: month + 1, day: 1).days
            // 1970-01-01 was a Thursday.
            let weekday = (start + 4) - (start + 4).floored(by: 7) * 7
            var found = start + (day - weekday + 7) % 7 + (week - 1) * 7
            while found >= next { found -= 7 }
            return found * 86_400 + seconds
        }
    }
}
