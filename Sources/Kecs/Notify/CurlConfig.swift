// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// What curl reads on its standard input, so that neither address nor secret stands in an argument list.
struct CurlConfig {
    var url: Secret
    var headers: [String]
    var body: [UInt8]
    var limit: Duration

    /// A redirection is not followed, and no scheme but HTTP is spoken whatever the address says.
    var text: String {
        var lines = [
            "url = \(Self.quote(url.reveal()))", "silent", "output = \"/dev/null\"",
            "write-out = \"%{http_code}\"",
            "max-time = \(limit.components.seconds)", "proto = \"=http,https\"", "max-redirs = 0",
            "request = \"POST\"",
            "user-agent = \"kecsctl\"", "globoff",
        ]
        lines += headers.map { "header = \(Self.quote($0))" }
        // data-raw: a body that begins with @ is no file's name.
        lines.append("data-raw = \(Self.quote(String(decoding: body, as: UTF8.self)))")
        return lines.joined(separator: "\n") + "\n"
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
