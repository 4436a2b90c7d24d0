// SPDX-License-Identifier: Apache-2.0
import CSQLite

/// Collects output and hands it on in pieces of about a megabyte.
struct TextSink {
    private var bytes: [UInt8] = []
    private let write: ([UInt8]) throws -> Void

    init(_ write: @escaping ([UInt8]) throws -> Void) {
        self.write = write
        bytes.reserveCapacity(1 << 20)
    }

    mutating func add(_ text: String) throws { try add(Array(text.utf8)) }

    mutating func add(_ piece: [UInt8]) throws {
        bytes += piece
        if bytes.count >= 1 << 20 { try flush() }
    }

    mutating func flush() throws {
        if !bytes.isEmpty { try write(bytes) }
        bytes.removeAll(keepingCapacity: true)
    }
}

/// Values and names as the sqlite3 tool (3.40) writes them in a dump: its `shell.c` is the reference.
enum SQLiteText {
    /// The name, in double quotes where it is a keyword or not made of letters, digits and underscores only.
    static func name(_ name: String) -> String {
        let bytes = Array(name.utf8)
        func isWordByte(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        let startsWithDigit = bytes.first.map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? true
        let isPlain = !startsWithDigit && bytes.allSatisfy(isWordByte)
        return isPlain && sqlite3_keyword_check(name, Int32(bytes.count)) == 0 ? name : sqlIdentifier(name)
    }

    static func literal(_ value: SQLiteValue) -> [UInt8] {
        switch value {
        case .null: Array("NULL".utf8)
        case .integer(let number): Array(String(number).utf8)
        case .real(let number): Array(real(number).utf8)
        case .text(let text): quoted(Array(text.utf8))
        case .brokenText(let bytes): quoted(bytes)
        case .blob(let bytes): hex(bytes)
        }
    }

    private static func real(_ number: Double) -> String {
        if number == .infinity { return "1e999" }
        if number == -.infinity { return "-1e999" }
        if let whole = Int64(exactly: number) { return "\(whole).0" }
        return format("%!.20g", number)
    }

    /// Formats with SQLite's own printf, whose `!` keeps more digits and a decimal point.
    static func format(_ format: String, _ number: Double) -> String {
        var buffer = [CChar](repeating: 0, count: 64)
        withVaList([number]) { arguments in
            _ = sqlite3_vsnprintf(Int32(buffer.count), &buffer, format, arguments)
        }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func hex(_ bytes: [UInt8]) -> [UInt8] {
        Array("X'".utf8) + hexDigits(bytes) + [UInt8(ascii: "'")]
    }

    static func hexDigits(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            result.append(digits[Int(byte >> 4)])
            result.append(digits[Int(byte & 15)])
        }
        return result
    }

    /// Returns a piece of a text for between two quotes, with marks in place of its line ends.
    static func escaped(_ bytes: [UInt8], newline: [UInt8]?, carriage: [UInt8]?) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + bytes.count / 8)
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\n"): result += newline ?? []
            case UInt8(ascii: "\r"): result += carriage ?? []
            case UInt8(ascii: "'"): result += [byte, byte]
            default: result.append(byte)
            }
        }
        return result
    }

    /// Line ends become `replace(…)`, so that each row stays on one line.
    private static func quoted(_ bytes: [UInt8]) -> [UInt8] {
        // The tool loses the part after a NUL; a text literal cannot hold one.
        if bytes.contains(0) { return Array("CAST(".utf8) + hex(bytes) + Array(" AS TEXT)".utf8) }
        let newline = UInt8(ascii: "\n")
        let carriage = UInt8(ascii: "\r")
        let quote = UInt8(ascii: "'")
        let newlineMark = bytes.contains(newline) ? absent(from: bytes, "\\n", "\\012") : nil
        let carriageMark = bytes.contains(carriage) ? absent(from: bytes, "\\r", "\\015") : nil
        var result = Array((newlineMark == nil ? "" : "replace(").utf8)
        result += (carriageMark == nil ? "" : "replace(").utf8
        result.append(quote)
        result += escaped(bytes, newline: newlineMark, carriage: carriageMark)
        result.append(quote)
        if let carriageMark { result += Array(",'".utf8) + carriageMark + Array("',char(13))".utf8) }
        if let newlineMark { result += Array(",'".utf8) + newlineMark + Array("',char(10))".utf8) }
        return result
    }

    /// A stand-in that does not occur in the text: the first one, the second one, or a numbered one.
    private static func absent(from bytes: [UInt8], _ first: String, _ second: String) -> [UInt8] {
        absentMark(first, second) { bytes.firstRange(of: $0) != nil }
    }

    static func absentMark(
        _ first: String, _ second: String, isPresent: ([UInt8]) throws -> Bool
    ) rethrows -> [UInt8] {
        var number = 0
        var mark = Array(first.utf8)
        var next = Array(second.utf8)
        while try isPresent(mark) {
            mark = next
            next = Array("(\(first)\(number))".utf8)
            number += 1
        }
        return mark
    }
}

extension [UInt8] {
    /// Returns the first range in which `other` occurs.
    func firstRange(of other: [UInt8]) -> Range<Int>? {
        guard !other.isEmpty, other.count <= count else { return nil }
        for start in 0...(count - other.count) where self[start] == other[0] {
            if self[start..<(start + other.count)].elementsEqual(other) {
                return start..<(start + other.count)
            }
        }
        return nil
    }
}
