// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem

/// What is posted to a webhook.
struct WebhookBody: Sendable {
    var bytes: [UInt8]
    var headers: [String]

    init(_ format: WebhookFormat, _ text: NotificationText, json: [UInt8]) throws {
        switch format {
        case .kecsctl:
            bytes = json
            headers = ["Content-Type: application/json"]
        case .slack:
            // Three characters mean something to Slack: docs.slack.dev, “Escaping text”.
            func escaped(_ text: String) -> String {
                text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            }
            let body = text.body.isEmpty ? "" : "\n" + escaped(text.body)
            bytes = try JSONFile.encode(
                JSONValue.object(["text": .string("*\(escaped(text.title))*" + body)]))
            headers = ["Content-Type: application/json"]
        case .ntfy:
            bytes = Array((text.body.isEmpty ? text.title : text.body).utf8)
            // docs.ntfy.sh/publish: priorities 1 to 5, 3 is the ordinary one; tags that are emojis.
            headers = [
                "Content-Type: text/plain; charset=utf-8", "Title: \(MailText.encodedWord(text.title))",
                "Priority: \(text.isUrgent ? 4 : 3)",
                "Tags: \(text.isUrgent ? "warning" : "white_check_mark")",
            ]
        }
    }
}
