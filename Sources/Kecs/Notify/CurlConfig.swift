// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// The configuration that curl reads on its standard input, so that neither address nor secret stands in an argument
/// list.
struct CurlConfig {
    var url: Secret
    var headers: [String]
    var body: [UInt8]
    var limit: Duration

    /// The text for curl. Redirections are not followed, and only HTTP is allowed, whatever the address.
    var text: String {
        var lines = [
            "url = \(Self.quote(url.reveal()))", "silent", "output = \"/dev/null\"",
            "write-out = \"%{http_code}\"",
            "max-time = \(Self.seconds(limit))", "proto = \"=http,https\"", "max-redirs = 0",
            "request = \"POST\"",
            "user-agent = \"kecsctl\"", "globoff",
        ]
        lines += headers.map { "header = \(Self.quote($0))" }
        // data-raw: a body that begins with @ is no file's name.
        lines.append("data-raw = \(Self.quote(String(decoding: body, as: UTF8.self)))")
        return lines.joined(separator: "\n") + "\n"
    }

    /// "9.25": curl takes decimals, with a dot in every locale (curl 7.32 on).
    static func seconds(_ limit: Duration) -> String {
        let milliseconds = max(1, Int((limit / .milliseconds(1)).rounded()))
        let rest = milliseconds % 1000
        // 1000 in front keeps the zeros of "0.050".
        return "\(milliseconds / 1000)" + (rest == 0 ? "" : "." + "\(rest + 1000)".dropFirst())
    }

    /// curl(1), `--config`: within quotes \\, \", \t, \n, \r and \v are escapes.
    static func quote(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
