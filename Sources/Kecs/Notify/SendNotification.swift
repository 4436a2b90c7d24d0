// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import CCrypto
public import KecsSystem

/// Notifies webhooks, commands, mails and healthchecks. The operation's own status does not depend on them.
public struct SendNotification: Sendable {
    /// The limit for notifying one receiver of one event, with all attempts and the pauses between them. A backup waits
    /// no longer for its receivers.
    public static let limit = Duration.seconds(10)
    static let attempts = 3

    let machine: Machine
    let settings: NotifySettings
    let limit: Duration

    public init(machine: Machine, settings: NotifySettings, limit: Duration = SendNotification.limit) {
        self.machine = machine
        self.settings = settings
        self.limit = limit
    }

    /// Notifies all receivers at once.
    ///
    /// - Parameter logTail: The command's last lines of output, for healthchecks.
    /// - Returns: A sentence for each receiver that was not reached.
    public func run(_ notification: Notification, logTail: [String] = []) async -> [String] {
        let body: [UInt8]
        do { body = try JSONFile.encode(notification) } catch {
            return ["the notification could not be written: \(error)"]
        }
        let text = NotificationText(notification, tail: logTail, host: Manifest.thisHost ?? "")
        return await withTaskGroup(of: String?.self) { group in
            for webhook in settings.webhooks {
                group.addTask { await tell(webhook, notification, text, body) }
            }
            for command in settings.commands { group.addTask { await tell(command, notification, body) } }
            for mail in settings.mails { group.addTask { await tell(mail, notification, text) } }
            group.addTask { await ping(notification, logTail) }
            var problems: [String] = []
            for await case let problem? in group { problems.append(problem) }
            return problems
        }
    }

    private func tell(
        _ webhook: NotifySettings.Webhook, _ notification: Notification, _ text: NotificationText,
        _ json: [UInt8]
    ) async -> String? {
        guard webhook.events.contains(notification.event) else { return nil }
        let body: WebhookBody
        do { body = try WebhookBody(webhook.format, text, json: json) } catch {
            return "the notification could not be written: \(error)"
        }
        var headers = body.headers
        if webhook.format == .kecsctl {
            headers += [
                "X-Kecsctl-Event: \(notification.event.rawValue)", "X-Kecsctl-Run: \(notification.run)",
            ]
        }
        if let secret = webhook.secret {
            headers.append("X-Kecsctl-Signature: sha256=" + hmacSHA256(body.bytes, key: secret))
        }
        if let token = webhook.token { headers.append("Authorization: Bearer \(token.reveal())") }
        return await post(body.bytes, to: webhook.url, headers: headers).map {
            "the webhook was not reached: \($0)"
        }
    }

    private func tell(
        _ mail: NotifySettings.Mail, _ notification: Notification, _ text: NotificationText
    ) async -> String? {
        guard mail.events.contains(notification.event) else { return nil }
        let host = Manifest.thisHost ?? ""
        let letter = MailText(
            from: mail.from ?? "kecsctl@\(host.isEmpty ? "localhost" : host)", to: mail.to, text: text,
            run: notification.run, at: notification.at)
        return await SendMail(machine: machine, limit: limit).run(mail, letter).map {
            "the mail was not sent: \($0)"
        }
    }

    private func ping(_ notification: Notification, _ logTail: [String]) async -> String? {
        guard let url = settings.healthchecks else { return nil }
        let suffix: String
        switch notification.event {
        case .start: suffix = "/start"
        case .success: suffix = ""
        // A ping is about a job, and the job is the command.
        case .recoverStarted, .recoverFinished, .copyFailed, .copyOverdue, .drillFailed, .lacking, .shrunk:
            return nil
        case .failure, .overdue: suffix = notification.status.map { "/\(min(255, $0))" } ?? "/fail"
        }
        // healthchecks.io keeps the first 100 kB of a ping.
        let tail = logTail.suffix(100).map(\.masked).joined(separator: "\n").suffix(20_000)
        let text =
            "\(notification.command) \(notification.instance ?? "")\nrun \(notification.run)\n\(tail)\n"
        let address = Secret(url.reveal() + suffix + "?rid=" + notification.run)
        return await post(Array(text.utf8), to: address, headers: ["Content-Type: text/plain"])
            .map { "the ping was not taken: \($0)" }
    }

    private func tell(
        _ command: NotifySettings.Command, _ notification: Notification, _ body: [UInt8]
    ) async -> String? {
        guard command.events.contains(notification.event) else { return nil }
        var call = ProcessCall(command.words[0], Array(command.words.dropFirst()))
        call.input = .bytes(body)
        call.limit = limit
        call.outlivesCancellation = true
        call.environment = [
            "KECSCTL_EVENT": notification.event.rawValue, "KECSCTL_RUN": notification.run,
            "KECSCTL_COMMAND": notification.command, "KECSCTL_NOTIFY_INSTANCE": notification.instance ?? "",
            "KECSCTL_STATUS": notification.status.map { "\($0)" } ?? "",
        ]
        do {
            let result = try await machine.processes.run(call)
            return result.succeeded ? nil : "the command “\(command.words[0])” ended badly: \(result.end)"
        } catch {
            return "the command “\(command.words[0])” could not be run: \(error)"
        }
    }

    /// - Returns: The reason for a failure, or nil. It never contains the address.
    private func post(_ body: [UInt8], to url: Secret, headers: [String]) async -> String? {
        var why = ""
        let deadline = machine.clock.elapsed() + limit
        for attempt in 1...Self.attempts {
            do {
                let pause = Duration.seconds(attempt - 1)
                // Less than a second is too short for an attempt.
                guard attempt == 1 || machine.clock.elapsed() + pause + .seconds(1) <= deadline else { break }
                if attempt > 1 { try await machine.clock.sleep(for: pause) }
                let left = deadline - machine.clock.elapsed()
                // `--disable` must come first: a curlrc of the user could undo all that follows.
                var call = ProcessCall("curl", "--disable", "--config", "-")
                call.input = .bytes(
                    Array(CurlConfig(url: url, headers: headers, body: body, limit: left).text.utf8))
                // curl enforces the limit itself; this is for one that does not.
                call.limit = left + .seconds(2)
                // A receiver of failures wants to hear of an interrupted run, too.
                call.outlivesCancellation = true
                let result = try await machine.processes.run(call)
                let status = Int(result.outputText.trimmed) ?? 0
                if result.succeeded, (200..<300).contains(status) { return nil }
                why =
                    result.succeeded
                    ? "it answered with the status \(status)"
                    // 28 is CURLE_OPERATION_TIMEDOUT.
                    : result.end == .exited(28) || result.end == .timedOut
                        ? "it did not answer within \(limit)" : "curl ended with \(result.end)"
                // A refused or redirected request would be refused or redirected again.
                if (300..<500).contains(status), status != 408, status != 429 { return why }
            } catch {
                return "\(error)"
            }
        }
        return why
    }
}

/// Lower-case hex.
func hmacSHA256(_ message: [UInt8], key: Secret) -> String {
    let key = Array(key.reveal().utf8)
    var digest = [UInt8](repeating: 0, count: 32)
    var length: UInt32 = 0
    let done = HMAC(EVP_sha256(), key, Int32(clamping: key.count), message, message.count, &digest, &length)
    precondition(done != nil && length == 32, "HMAC")
    return hex(digest)
}
