// SPDX-License-Identifier: Apache-2.0

/// A statement of a script, with the line on which it begins.
public struct SQLScriptStatement: Hashable, Sendable {
    public let sql: String
    /// The line, from 1.
    public let line: Int
    /// The words, signs and names outside comments; words in capitals, quoted names and texts as they are.
    public let tokens: [String]
}

/// Cuts a script where SQLite would: at semicolons outside quotes, comments and the bodies of triggers.
public func splitSQL(_ script: String) -> [SQLScriptStatement] {
    var splitter = Splitter(bytes: Array(script.utf8))
    return splitter.run()
}

private struct Splitter {
    let bytes: [UInt8]
    var place = 0
    var line = 1
    var statements: [SQLScriptStatement] = []
    var tokens: [String] = []
    var start: (place: Int, line: Int)?

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func run() -> [SQLScriptStatement] {
        while place < bytes.count {
            let byte = bytes[place]
            switch byte {
            case UInt8(ascii: "\n"):
                line += 1
                place += 1
            case UInt8(ascii: " "), 9...13: place += 1
            case UInt8(ascii: "-") where next == UInt8(ascii: "-"):
                while place < bytes.count, bytes[place] != UInt8(ascii: "\n") { place += 1 }
            case UInt8(ascii: "/") where next == UInt8(ascii: "*"): skipComment()
            case UInt8(ascii: ";"):
                place += 1
                if isInsideTrigger { tokens.append(";") } else { end(at: place) }
            default: token(byte)
            }
        }
        end(at: bytes.count)
        return statements
    }

    private var next: UInt8? { place + 1 < bytes.count ? bytes[place + 1] : nil }

    /// True inside `CREATE [TEMP] TRIGGER … BEGIN …;`, which continues until `; END ;`, as in sqlite3_complete().
    private var isInsideTrigger: Bool {
        guard tokens.first == "CREATE", tokens.prefix(3).contains("TRIGGER"), tokens.contains("BEGIN") else {
            return false
        }
        return !(tokens.last == "END" && tokens.dropLast().last == ";")
    }

    private mutating func skipComment() {
        place += 2
        while place < bytes.count {
            if bytes[place] == UInt8(ascii: "\n") { line += 1 }
            if bytes[place] == UInt8(ascii: "*"), next == UInt8(ascii: "/") {
                place += 2
                return
            }
            place += 1
        }
    }

    private mutating func token(_ byte: UInt8) {
        if start == nil { start = (place, line) }
        let from = place
        switch byte {
        case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"), UInt8(ascii: "["):
            let close = byte == UInt8(ascii: "[") ? UInt8(ascii: "]") : byte
            place += 1
            while place < bytes.count {
                if bytes[place] == UInt8(ascii: "\n") { line += 1 }
                if bytes[place] == close {
                    // A doubled quote belongs to the text.
                    guard close != UInt8(ascii: "]"), next == close else { break }
                    place += 1
                }
                place += 1
            }
            place = min(place + 1, bytes.count)
            tokens.append(String(decoding: bytes[from..<place], as: UTF8.self))
        case _ where Self.isWord(byte):
            while place < bytes.count, Self.isWord(bytes[place]) { place += 1 }
            tokens.append(String(decoding: bytes[from..<place], as: UTF8.self).uppercased())
        default:
            place += 1
            tokens.append(String(decoding: [byte], as: UTF8.self))
        }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...:
            true
        default: false
        }
    }

    private mutating func end(at stop: Int) {
        defer {
            start = nil
            tokens = []
        }
        guard let start else { return }
        statements.append(
            SQLScriptStatement(
                sql: String(decoding: bytes[start.place..<stop], as: UTF8.self), line: start.line,
                tokens: tokens))
    }
}
