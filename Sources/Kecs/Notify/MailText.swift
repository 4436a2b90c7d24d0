// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// A mail as it is handed to sendmail or to an SMTP server (RFC 5322).
struct MailText: Sendable {
    var from: String
    var to: [String]
    var text: NotificationText
    var run: String
    var at: Moment

    /// - Parameter newline: What ends a line: CR LF for SMTP, LF for sendmail, which puts the other one there itself.
    func bytes(newline: String) -> [UInt8] {
        let host = from.split(separator: "@").last.map(String.init) ?? "localhost"
        let body = text.body.isEmpty ? text.title : text.body
        let isPlain =
            body.utf8.allSatisfy { $0 < 0x80 } && body.split(separator: "\n").allSatisfy { $0.count < 990 }
        var lines = [
            "From: \(from)", "To: \(to.joined(separator: ", "))",
            "Subject: \(Self.encodedWord(text.title))", "Date: \(Self.date(at))",
            "Message-ID: <\(run).\(at.nanoseconds)@\(host)>", "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: \(isPlain ? "7bit" : "base64")",
            // RFC 3834: no out-of-office reply answers it.
            "Auto-Submitted: auto-generated", "",
        ]
        if isPlain {
            lines += body.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        } else {
            lines += Self.base64(Array(body.utf8), width: 76)
        }
        return Array((lines.joined(separator: newline) + newline).utf8)
    }

    /// RFC 2047: a header's value with other characters than ASCII's, in words of at most 75 characters.
    static func encodedWord(_ text: String) -> String {
        guard !text.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) else { return text }
        var words: [String] = []
        var bytes: [UInt8] = []
        func close() {
            if !bytes.isEmpty { words.append("=?UTF-8?B?\(base64(bytes, width: .max).joined())?=") }
            bytes = []
        }
        for character in text {
            // 45 bytes are 60 characters; no character is cut.
            if bytes.count + character.utf8.count > 45 { close() }
            bytes += Array(character.utf8)
        }
        close()
        return words.joined(separator: " ")
    }

    /// “Mon, 30 Nov 2026 01:02:03 +0000”
    static func date(_ moment: Moment) -> String {
        let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        // “20261130T010203Z”
        let text = Array(moment.compact)
        func part(_ range: Range<Int>) -> String { String(text[range]) }
        let day = Int((moment.seconds / 86_400) % 7)
        let month = (Int(part(4..<6)) ?? 1) - 1
        return
            "\(days[(day + 7) % 7]), \(part(6..<8)) \(months[month]) \(part(0..<4)) "
            + "\(part(9..<11)):\(part(11..<13)):\(part(13..<15)) +0000"
    }

    /// RFC 4648, in lines.
    static func base64(_ bytes: [UInt8], width: Int) -> [String] {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var all: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let three = bytes[start..<min(start + 3, bytes.count)]
            let value = three.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - three.count))
            for index in 0..<4 {
                all.append(
                    index <= three.count
                        ? digits[Int(value >> UInt32(18 - 6 * index)) & 63] : UInt8(ascii: "="))
            }
        }
        var lines: [String] = []
        var rest = all[...]
        while !rest.isEmpty {
            lines.append(String(decoding: rest.prefix(width), as: UTF8.self))
            rest = rest.dropFirst(width)
        }
        return lines
    }
}
