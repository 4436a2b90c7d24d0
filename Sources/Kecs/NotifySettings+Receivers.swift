// SPDX-License-Identifier: Apache-2.0
import KecsSystem

extension NotifySettings.Mail {
    /// - Throws: `Failure(.usage)` for one that no mail could be sent by, or that would send it elsewhere.
    init(_ json: JSONValue) throws {
        func refuse(_ why: String) -> Failure {
            Failure(
                .usage, "no mail could be sent by “notify.mail”", cause: why, remedy: "kecsctl config show")
        }
        to = json["to"]?.array?.compactMap(\.string) ?? [json["to"]?.string].compactMap(\.self)
        from = json["from"]?.string
        guard !to.isEmpty else { throw refuse("“to” names nobody") }
        for address in to + [from].compactMap(\.self) where !Self.isAddress(address) {
            throw refuse("“\(printable(Array(address.utf8)))” is no address")
        }
        events = try NotifySettings.events(json)
        guard let smtp = json["smtp"] else {
            let program = json["sendmail"]?.string ?? "/usr/sbin/sendmail"
            guard program.hasPrefix("/") else { throw refuse("“sendmail” must be an absolute path") }
            way = .sendmail(program)
            return
        }
        guard let url = try NotifySettings.secret(smtp, "url", "urlFile") else {
            throw refuse("“smtp” has no “url”")
        }
        let text = url.reveal()
        guard text.hasPrefix("smtps://") || text.hasPrefix("smtp://"),
            !text.contains(where: { $0.isNewline || $0 == " " })
        else { throw refuse("the address of “smtp” must begin with smtps:// or smtp://") }
        let user = smtp["user"]?.string
        let password = try NotifySettings.secret(smtp, "password", "passwordFile")
        guard (user == nil) == (password == nil) else {
            throw refuse("“smtp” needs both “user” and “passwordFile”, or neither")
        }
        way = .smtp(url, user: user, password: password)
    }

    /// A plain address: no name in front of it, nothing that would be another header's or another recipient's.
    private static func isAddress(_ text: String) -> Bool {
        !text.hasPrefix("-") && !text.isEmpty
            && text.utf8.allSatisfy {
                (0x21..<0x7f).contains($0) && !Array("<>,;:()\"\\".utf8).contains($0)
            }
    }
}

extension WebhookFormat {
    static func read(_ json: JSONValue?) throws(Failure) -> WebhookFormat {
        guard let json else { return .kecsctl }
        guard let format = json.string.flatMap(WebhookFormat.init) else {
            throw Failure(
                .usage,
                "“format” of “notify.webhook” must be one of "
                    + WebhookFormat.allCases.map(\.rawValue).joined(separator: ", "),
                remedy: "kecsctl config show")
        }
        return format
    }
}

/// How a webhook wants to be spoken to.
public enum WebhookFormat: String, Sendable, CaseIterable {
    /// The notification as JSON.
    case kecsctl
    /// `{"text": …}`: Slack's incoming webhooks, and those of Mattermost, Rocket.Chat, Discord (`/slack`).
    case slack
    /// A text with its title in a header: ntfy.sh, or one's own.
    case ntfy
}
