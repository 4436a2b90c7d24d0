// SPDX-License-Identifier: Apache-2.0

/// A column of an SQLite table as PostgreSQL gets it. SQLite checks no types, so the stored values decide together with
/// the declaration: a type is only taken when every value fits it exactly.
struct PostgresColumn {
    enum Kind: String {
        case boolean, bigint, numeric, text, bytea, timestamp
        case double = "double precision"
        case timestampWithZone = "timestamp with time zone"
    }

    var name: String
    var declared: String
    var isNotNull: Bool
    /// An expression, as SQLite keeps it.
    var defaultText: String?
    /// The position in the primary key, from 1; 0 for a column that is not part of it.
    var keyPosition: Int64
    var kind = Kind.text
    var holdsNull = false
    /// The reason why it does not have the declared type.
    var remark: String?

    /// The values found in a column, without NULL.
    struct Found {
        var integers: Int64 = 0
        var reals: Int64 = 0
        var texts: Int64 = 0
        var blobs: Int64 = 0
        /// Texts with a NUL, which no text of PostgreSQL's can hold.
        var withNUL: Int64 = 0
        /// True when every integer is 0 or 1.
        var areFlags = true
        /// True when every integer is exact as a double.
        var areSmall = true
        /// The type of all texts, when they are all points in time.
        var times: Kind?

        var isEmpty: Bool { integers + reals + texts + blobs == 0 }
    }

    /// Chooses the type by https://sqlite.org/datatype3.html section 3.1, and by the names that others give to times
    /// and truth values.
    mutating func choose(_ found: Found) {
        let type = declared.uppercased()
        func isLike(_ words: String...) -> Bool { words.contains { type.contains($0) } }
        let onlyIntegers = found.reals + found.texts + found.blobs == 0
        let onlyNumbers = found.texts + found.blobs == 0
        let onlyTexts = found.integers + found.reals + found.blobs == 0 && found.withNUL == 0
        let onlyBlobs = found.integers + found.reals + found.texts == 0
        let wanted: Kind
        let fits: Bool
        if isLike("BOOL") {
            (wanted, fits) = (.boolean, onlyIntegers && found.areFlags)
        } else if isLike("TIMESTAMP", "DATETIME") {
            (wanted, fits) = (found.times ?? .timestamp, onlyTexts && (found.isEmpty || found.times != nil))
        } else if isLike("INT") {
            (wanted, fits) = (.bigint, onlyIntegers)
        } else if isLike("CHAR", "CLOB", "TEXT", "JSON", "UUID", "DATE", "TIME") {
            (wanted, fits) = (.text, onlyTexts)
        } else if isLike("BLOB", "BYTEA", "BINARY") {
            (wanted, fits) = (.bytea, onlyBlobs)
        } else if isLike("REAL", "FLOA", "DOUB") {
            (wanted, fits) = (.double, onlyNumbers && found.areSmall)
        } else if isLike("DEC", "NUM") {
            (wanted, fits) = (.numeric, onlyNumbers)
        } else {
            (wanted, fits) = (Self.narrowest(found), true)
        }
        kind = fits ? wanted : Self.narrowest(found)
        if !fits {
            remark =
                "declared \(declared), but it holds "
                + [
                    (found.integers, "integers"), (found.reals, "reals"), (found.texts, "texts"),
                    (found.blobs, "blobs"), (found.withNUL, "texts with NUL"),
                ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
        }
    }

    /// Returns the narrowest type that takes all values.
    private static func narrowest(_ found: Found) -> Kind {
        if found.withNUL > 0 || found.blobs > 0 { return .bytea }
        if found.texts > 0 || found.isEmpty { return .text }
        if found.reals == 0 { return .bigint }
        return found.areSmall ? .double : .numeric
    }

    /// The default as PostgreSQL writes it; nil for one that cannot be determined without running SQLite.
    var postgresDefault: String? {
        guard let text = defaultText else { return nil }
        let upper = text.uppercased()
        if ["NULL", "TRUE", "FALSE"].contains(upper), kind == .boolean || upper == "NULL" { return upper }
        if kind == .boolean { return text == "0" ? "FALSE" : text == "1" ? "TRUE" : nil }
        let isTime = kind == .timestamp || kind == .timestampWithZone
        if upper == "CURRENT_TIMESTAMP" {
            // SQLite's time is always in UTC.
            if isTime { return kind == .timestamp ? "(CURRENT_TIMESTAMP AT TIME ZONE 'UTC')" : upper }
            return kind == .text
                ? "to_char(CURRENT_TIMESTAMP AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')" : nil
        }
        let isNumber = kind == .bigint || kind == .double || kind == .numeric
        if Int64(text) != nil || Double(text) != nil, text.utf8.first.map({ $0 < 0x3A }) ?? false {
            if kind == .bigint, Int64(text) == nil { return nil }
            return isNumber ? text : kind == .text ? "'\(text)'" : nil
        }
        // SQLite also takes double quotes for a text.
        guard text.count >= 2, let quote = text.first, quote == "'" || quote == "\"", text.last == quote
        else {
            return nil
        }
        let inner = text.dropFirst().dropLast()
        guard kind == .text, !inner.replacing("\(quote)\(quote)", with: "").contains(quote) else {
            return nil
        }
        return "'\(inner.replacing("\(quote)\(quote)", with: "\(quote)").replacing("'", with: "''"))'"
    }
}

/// A point in time as a text that PostgreSQL reads without loss.
enum PostgresTime {
    /// - Returns: Nil for a text that is none, or is more exact than a microsecond.
    static func kind(of text: some Collection<UInt8>) -> PostgresColumn.Kind? {
        var rest = Array(text)[...]
        func number(_ digits: Int) -> Int? {
            guard rest.count >= digits else { return nil }
            var value = 0
            for byte in rest.prefix(digits) {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                value = value * 10 + Int(byte - UInt8(ascii: "0"))
            }
            rest = rest.dropFirst(digits)
            return value
        }
        func skip(_ marks: String) -> Bool {
            guard let byte = rest.first, marks.utf8.contains(byte) else { return false }
            rest = rest.dropFirst()
            return true
        }
        guard let year = number(4), year > 0, skip("-"), let month = number(2), (1...12).contains(month),
            skip("-"), let day = number(2), day >= 1, day <= Self.days(in: month, of: year), skip(" T"),
            let hour = number(2), hour < 24, skip(":"), let minute = number(2), minute < 60, skip(":"),
            let second = number(2), second < 60
        else { return nil }
        if skip(".") {
            let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard !digits.isEmpty, digits.dropFirst(6).allSatisfy({ $0 == UInt8(ascii: "0") }) else {
                return nil
            }
            rest = rest.dropFirst(digits.count)
        }
        if rest.isEmpty { return .timestamp }
        if skip("Z") { return rest.isEmpty ? .timestampWithZone : nil }
        guard skip("+-"), let hours = number(2), hours < 16, skip(":"), let minutes = number(2), minutes < 60,
            rest.isEmpty
        else { return nil }
        return .timestampWithZone
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}
