// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Hands a mail to the machine's sendmail, or by curl to an SMTP server.
struct SendMail: Sendable {
    let machine: Machine
    let limit: Duration

    /// - Returns: Why it was not taken, or nil. It never contains the password.
    func run(_ mail: NotifySettings.Mail, _ text: MailText) async -> String? {
        do {
            switch mail.way {
            case .sendmail(let program):
                // sendmail(8): -i, a line with a dot alone ends nothing; the recipients are no options after “--”.
                var call = ProcessCall(program, ["-i", "-f", text.from, "--"] + text.to)
                call.input = .bytes(text.bytes(newline: "\n"))
                return try await end(of: call)
            case .smtp(let url, let user, let password):
                return try await send(text, to: url, user, password)
            }
        } catch {
            return "\(error)"
        }
    }

    /// The server's address, the account and the mail are in no argument: the first two in curl's configuration on its standard
    /// input, the mail in a file that only this user reads.
    private func send(
        _ text: MailText, to url: Secret, _ user: String?, _ password: Secret?
    ) async throws -> String? {
        let place = machine.environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
        let folder = try FilePath(place).makePrivateFolder()
        defer { try? folder.removeTree() }
        let file = folder.appending("mail")
        try file.replaceContents(text.bytes(newline: "\r\n"))
        var lines = [
            "url = \(CurlConfig.quote(url.reveal()))", "silent", "show-error",
            "max-time = \(CurlConfig.seconds(limit))", "proto = \"=smtp,smtps\"",
            "mail-from = \(CurlConfig.quote(text.from))", "upload-file = \(CurlConfig.quote(file.string))",
        ]
        lines += text.to.map { "mail-rcpt = \(CurlConfig.quote($0))" }
        if let user {
            lines.append("user = \(CurlConfig.quote("\(user):\(password?.reveal() ?? "")"))")
            // A password goes over no line that everybody reads.
            lines.append("ssl-reqd")
        }
        var call = ProcessCall("curl", "--disable", "--config", "-")
        call.input = .bytes(Array((lines.joined(separator: "\n") + "\n").utf8))
        return try await end(of: call)
    }

    private func end(of call: ProcessCall) async throws -> String? {
        var call = call
        call.limit = limit + .seconds(2)
        // A receiver of failures wants to hear of an interrupted run, too.
        call.outlivesCancellation = true
        let result = try await machine.processes.run(call)
        if result.succeeded { return nil }
        let words = String(result.errorText.split(separator: "\n").last ?? "").masked
        return words.isEmpty ? "\(call.program) ended with \(result.end)" : printable(Array(words.utf8))
    }
}
