// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
import SystemPackage

/// The events that notifications are sent for.
public enum NotifyEvent: String, Sendable, Hashable, Encodable, CaseIterable {
    case start, success, failure, overdue
    /// The start of `recover`, or of the recovery that is part of `start`. Sent only to receivers that list it by name:
    /// they get the command's own success or failure as well.
    case recoverStarted = "recover.started"
    case recoverFinished = "recover.finished"
    /// A copy of a backup to a remote failed; the newest one on a remote is too old. Told like those of a recovery.
    case copyFailed = "copy.failed"
    case copyOverdue = "copy.overdue"
    /// A backup failed its drill; one lacks something of what the instance had; the data is suddenly far less. Told like those
    /// of a recovery.
    case drillFailed = "drill.failed"
    case lacking, shrunk
}

/// The receivers of notifications. In `notify` of the home's `kecsctl.json`:
///
///     "notify": {
///       "webhook": {"url": "https://…", "secretFile": "/path", "on": ["success", "failure"]},
///       "mail": {"to": ["me@example.org"], "smtp": {"url": "smtps://mail.example.org", "user": "me", "passwordFile": "/path"}},
///       "command": {"argv": ["/usr/local/bin/tell"], "on": ["failure"]},
///       "healthchecks": {"url": "https://hc-ping.com/UUID"}
///     }
///
/// An address may stand in a file too (`urlFile`): for Slack and the like it is a secret itself. A webhook with `format` `slack`
/// or `ntfy` gets words instead of JSON. Of webhooks, commands and mails there may be lists.
public struct NotifySettings: Sendable, Hashable {
    public struct Webhook: Sendable, Hashable {
        public var url: Secret
        /// The secret for the HMAC-SHA-256 in `X-Kecsctl-Signature`.
        public var secret: Secret?
        public var events: Set<NotifyEvent>
        public var format = WebhookFormat.kecsctl
        /// For a server that wants one: sent as `Authorization: Bearer`.
        public var token: Secret?

        public init(
            url: Secret, secret: Secret?, events: Set<NotifyEvent>, format: WebhookFormat = .kecsctl,
            token: Secret? = nil
        ) {
            self.url = url
            self.secret = secret
            self.events = events
            self.format = format
            self.token = token
        }
    }

    public struct Mail: Sendable, Hashable {
        public enum Way: Sendable, Hashable {
            /// A program that takes a mail as sendmail(8) does.
            case sendmail(String)
            /// `smtp://` or `smtps://`; with an account only over TLS.
            case smtp(Secret, user: String?, password: Secret?)
        }

        public var to: [String]
        /// Nil: kecsctl at this machine.
        public var from: String?
        public var way: Way
        public var events: Set<NotifyEvent>
    }

    public struct Command: Sendable, Hashable {
        public var words: [String]
        public var events: Set<NotifyEvent>
    }

    public var webhooks: [Webhook] = []
    public var commands: [Command] = []
    public var mails: [Mail] = []
    public var healthchecks: Secret?

    public init(
        webhook: Webhook? = nil, command: Command? = nil, mail: Mail? = nil, healthchecks: Secret? = nil
    ) {
        webhooks = [webhook].compactMap(\.self)
        commands = [command].compactMap(\.self)
        mails = [mail].compactMap(\.self)
        self.healthchecks = healthchecks
    }

    public var isEmpty: Bool {
        webhooks.isEmpty && commands.isEmpty && mails.isEmpty && healthchecks == nil
    }

    /// - Throws: `Failure(.usage)` for settings that make no sense, `FileError` for a secret that cannot be read.
    public static func read(_ site: Site) throws -> NotifySettings {
        var settings = NotifySettings()
        guard try site.home.settings.isPresent else { return settings }
        let json = try JSONFile.read(JSONValue.self, from: site.home.settings)["notify"]
        for webhook in try list(json?["webhook"], "webhook") {
            guard let url = try secret(webhook, "url", "urlFile") else { continue }
            let format = try WebhookFormat.read(webhook["format"])
            settings.webhooks.append(
                Webhook(
                    url: try checked(url), secret: try secret(webhook, "secret", "secretFile"),
                    events: try events(webhook), format: format,
                    token: try secret(webhook, "token", "tokenFile")))
        }
        for command in try list(json?["command"], "command") {
            guard let words = command["argv"]?.array?.compactMap(\.string), !words.isEmpty else { continue }
            settings.commands.append(Command(words: words, events: try events(command)))
        }
        for mail in try list(json?["mail"], "mail") { settings.mails.append(try Mail(mail)) }
        if let pings = json?["healthchecks"] {
            settings.healthchecks = try secret(pings, "url", "urlFile").map(checked)
        }
        return settings
    }

    /// One, or a list of them.
    private static func list(_ json: JSONValue?, _ key: String) throws(Failure) -> [JSONValue] {
        switch json {
        case nil, .null: return []
        case .array(let all): return all
        case .object?: return [json].compactMap(\.self)
        default:
            throw Failure(
                .usage, "“notify.\(key)” must be an object, or a list of them", remedy: "kecsctl config show")
        }
    }

    static func secret(_ json: JSONValue, _ key: String, _ file: String) throws -> Secret? {
        if let path = json[file]?.string {
            let bytes = try FilePath(path).contents(limit: 64 << 10)
            return Secret(String(decoding: bytes, as: UTF8.self).trimmed)
        }
        return json[key]?.string.map { Secret($0) }
    }

    /// Accepts only HTTP: `file:` would read, `gopher:` would write.
    private static func checked(_ url: Secret) throws(Failure) -> Secret {
        let text = url.reveal()
        guard text.hasPrefix("https://") || text.hasPrefix("http://"),
            !text.contains(where: { $0.isNewline || $0 == " " })
        else {
            throw Failure(
                .usage, "the address of a notification must begin with https:// or http://",
                remedy: "kecsctl config show")
        }
        return url
    }

    static func events(_ json: JSONValue) throws(Failure) -> Set<NotifyEvent> {
        guard let words = json["on"]?.array?.compactMap(\.string) else {
            return [.success, .failure, .overdue]
        }
        var events: Set<NotifyEvent> = []
        for word in words {
            guard let event = NotifyEvent(rawValue: word) else {
                throw Failure(
                    .usage, "there is no event “\(word)” to tell of",
                    cause: "there are: \(NotifyEvent.allCases.map(\.rawValue).joined(separator: ", "))",
                    remedy: "kecsctl config show")
            }
            events.insert(event)
        }
        return events
    }
}
