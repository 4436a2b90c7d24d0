// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

/// The form of a failure on standard error.
///
/// ```text
/// kecsctl: error: not enough free space to back up “dev”
///   because: 1.2 GB are free in /home/ana/.kecs/backups/dev and about 3.4 GB are needed
///   try:     kecsctl backups prune dev --keep 1
/// ```
enum ErrorText {
    static func text(_ failure: Failure, colour: Bool) -> String {
        let word = colour ? "\u{1b}[1;31merror:\u{1b}[0m" : "error:"
        var text = "kecsctl: \(word) \(failure.message.printable)\n"
        if let cause = failure.cause { text += block("because: ", cause.masked) }
        if let remedy = failure.remedy { text += block("try:     ", Remedy.line(remedy)) }
        return text
    }

    /// Returns a block: the further lines of a text are aligned with its first one.
    private static func block(_ title: String, _ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: true)
        return lines.enumerated().map { index, line in
            (index == 0 ? "  " + title : "           ") + String(line).printable + "\n"
        }.joined()
    }
}

/// A line of `--log-format json`.
struct LogLine: Encodable {
    var time: Moment
    var level: String
    var message: String
    var instance: String?
    var status: Int32?
    var cause: String?
    var remedy: String?
    /// Other known values: `part`, `command`, `done`, `total`.
    var details: [String: String] = [:]

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ text: String) { stringValue = text }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }

    func encode(to encoder: any Encoder) throws {
        var line = encoder.container(keyedBy: Key.self)
        // First, so that none of them can replace a field with a fixed meaning.
        for (name, value) in details { try line.encode(value, forKey: Key(name)) }
        try line.encode(time, forKey: Key("time"))
        try line.encode(level, forKey: Key("level"))
        try line.encode(message, forKey: Key("message"))
        try line.encodeIfPresent(instance, forKey: Key("instance"))
        try line.encodeIfPresent(status, forKey: Key("status"))
        try line.encodeIfPresent(cause, forKey: Key("cause"))
        try line.encodeIfPresent(remedy, forKey: Key("remedy"))
    }
}
