// SPDX-License-Identifier: Apache-2.0

/// Finds the end of a statement of SQL: `sqlite3_complete()`, word by word.
///
/// That function scans the whole statement. Called at each semicolon of a trigger, it takes quadratic time. Its
/// automaton needs only the last few words (https://sqlite.org/src/file/src/complete.c), so it is kept between them.
struct StatementEnd {
    private enum State { case start, normal, explain, create, trigger, semicolon, end }
    private var state = State.start
    /// The word in lower case; a longer one is none of those that matter.
    private var word: [UInt8] = []

    /// Returns true for letters, digits, `_`, `$` and everything that is not ASCII, as in SQLite's own tokens.
    static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...:
            true
        default: false
        }
    }

    mutating func add(wordByte byte: UInt8) {
        if word.count < 10 { word.append(byte | (byte < 0x80 && byte >= 0x41 && byte <= 0x5a ? 0x20 : 0)) }
    }

    /// Ends the current word. Call it at each byte of code that belongs to no word.
    mutating func endWord() {
        guard !word.isEmpty else { return }
        defer { word.removeAll(keepingCapacity: true) }
        let isTemporary = word.elementsEqual("temp".utf8) || word.elementsEqual("temporary".utf8)
        switch state {
        case .start:
            state =
                word.elementsEqual("create".utf8)
                ? .create : word.elementsEqual("explain".utf8) ? .explain : .normal
        case .explain:
            if word.elementsEqual("create".utf8) {
                state = .create
            } else if isTemporary || word.elementsEqual("trigger".utf8) || word.elementsEqual("end".utf8)
                || word.elementsEqual("explain".utf8)
            {
                state = .normal
            }
        case .create:
            if !isTemporary { state = word.elementsEqual("trigger".utf8) ? .trigger : .normal }
        case .semicolon: state = word.elementsEqual("end".utf8) ? .end : .trigger
        case .end: state = .trigger
        case .normal, .trigger: break
        }
    }

    /// A quoted name or text, a number's point, an operator.
    mutating func other() {
        switch state {
        case .start, .create: state = .normal
        case .semicolon, .end: state = .trigger
        case .normal, .explain, .trigger: break
        }
    }

    /// - Returns: True when it ends the statement.
    mutating func semicolon() -> Bool {
        switch state {
        case .trigger, .semicolon:
            state = .semicolon
            return false
        default:
            state = .start
            return true
        }
    }
}
