// SPDX-License-Identifier: Apache-2.0

/// RFC 3339 in UTC, by the proleptic Gregorian calendar, so that neither time zone nor locale data is needed.
extension Moment: CustomStringConvertible, Codable {
    /// "2026-11-21T01:45:30Z"; fractions are left out.
    public var description: String {
        let (year, month, day, hour, minute, second) = civil
        return pad(year, 4) + "-" + pad(month, 2) + "-" + pad(day, 2) + "T" + pad(hour, 2) + ":"
            + pad(minute, 2) + ":" + pad(second, 2) + "Z"
    }

    /// "20261121T014530Z": sorts by age, safe in file names.
    public var compact: String {
        let (year, month, day, hour, minute, second) = civil
        return pad(year, 4) + pad(month, 2) + pad(day, 2) + "T" + pad(hour, 2) + pad(minute, 2)
            + pad(second, 2) + "Z"
    }

    /// Reads `2026-11-21`, `2026-11-21T01:45[:30[.5]]` or the same with a blank, followed by `Z`, nothing (UTC) or an
    /// offset such as `+02:00`; and the compact form. Anything else is nil.
    public init?(_ text: String) {
        var bytes = Substring(text)
        func number(_ digits: Int) -> Int? {
            let part = bytes.prefix(digits)
            guard part.count == digits, part.allSatisfy({ $0.isASCII && $0.isNumber }) else {
                return nil
            }
            bytes = bytes.dropFirst(digits)
            return Int(part)
        }
        func skip(_ one: Character) -> Bool {
            guard bytes.first == one else { return false }
            bytes = bytes.dropFirst()
            return true
        }
        guard let year = number(4) else { return nil }
        let dashed = skip("-")
        guard let month = number(2), (1...12).contains(month), !dashed || skip("-"),
            let day = number(2), (1...31).contains(day)
        else { return nil }
        var clock = (hour: 0, minute: 0, second: 0)
        var nanos = 0
        if skip("T") || skip(" ") {
            guard let hour = number(2), hour < 24 else { return nil }
            let colons = skip(":")
            guard let minute = number(2), minute < 60 else { return nil }
            clock = (hour, minute, 0)
            if colons ? skip(":") : bytes.first?.isNumber == true {
                guard let second = number(2), second <= 60 else { return nil }
                clock.second = second
                if skip(".") {
                    let digits = bytes.prefix { $0.isNumber }
                    guard !digits.isEmpty else { return nil }
                    let nine = String((digits + "000000000").prefix(9))
                    guard let value = Int(nine) else { return nil }
                    nanos = value
                    bytes = bytes.dropFirst(digits.count)
                }
            }
        }
        var offset = 0
        if !skip("Z"), let sign = bytes.first, sign == "+" || sign == "-" {
            bytes = bytes.dropFirst()
            guard let hours = number(2) else { return nil }
            _ = skip(":")
            guard let minutes = number(2) else { return nil }
            offset = (sign == "-" ? -1 : 1) * (hours * 3600 + minutes * 60)
        }
        guard bytes.isEmpty else { return nil }
        let date = CivilDay(year: Int64(year), month: Int64(month), day: Int64(day))
        // 30 February comes back as another day.
        guard CivilDay(days: date.days) == date else { return nil }
        let days = Int(date.days)
        self.init(
            seconds: Int64(
                days * 86_400 + clock.hour * 3600 + clock.minute * 60 + clock.second - offset),
            nanoseconds: Int32(nanos))
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let moment = Moment(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "“\(text)” is not an RFC 3339 time")
        }
        self = moment
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    private var civil: (Int, Int, Int, Int, Int, Int) {
        let days = seconds.floored(by: 86_400)
        let rest = Int(seconds - days * 86_400)
        let date = CivilDay(days: days)
        return (
            Int(date.year), Int(date.month), Int(date.day), rest / 3600, rest / 60 % 60, rest % 60
        )
    }

    private func pad(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

/// A moment of a file system, which its text keeps to the nanosecond: "2026-11-21T01:45:30.123456789Z".
public struct ExactMoment: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    public var moment: Moment

    public init(_ moment: Moment) { self.moment = moment }

    public init(from decoder: any Decoder) throws { moment = try Moment(from: decoder) }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    public var description: String {
        let digits = String(moment.nanoseconds)
        return moment.description.dropLast() + "." + String(repeating: "0", count: max(0, 9 - digits.count))
            + digits + "Z"
    }

    public static func < (left: ExactMoment, right: ExactMoment) -> Bool { left.moment < right.moment }
}
