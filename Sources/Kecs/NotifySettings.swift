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
}

/// The receivers of notifications. In `notify` of the home's `kecsctl.json`:
///
///     "notify": {
///       "webhook": {"url": "https://…", "secretFile": "/path", "on": ["success", "failure"]},
///       "command": {"argv": ["/usr/local/bin/tell"], "on": ["failure"]},
///       "healthchecks": {"url": "https://hc-ping.com/UUID"}
///     }
///
/// An address may stand in a file too (`urlFile`): for Slack and the like it is a secret itself.
public struct NotifySettings: Sendable, Hashable {
    public struct Webhook: Sendable, Hashable {
        public var url: Secret
        /// The secret for the HMAC-SHA-256 in `X-Kecsctl-Signature`.
        public var secret: Secret?
        public var events: Set<NotifyEvent>
    }

    public struct Command: Sendable, Hashable {
        public var words: [String]
        public var events: Set<NotifyEvent>
    }

    public var webhook: Webhook?
    public var command: Command?
    public var healthchecks: Secret?

    public var isEmpty: Bool { webhook == nil && command == nil && healthchecks == nil }

    /// - Throws: `Failure(.usage)` for settings that make no sense, `FileError` for a secret that cannot be read.
    public static func read(_ site: Site) throws -> NotifySettings {
        var settings = NotifySettings()
        guard try site.home.settings.isPresent else { return settings }
        let json = try JSONFile.read(JSONValue.self, from: site.home.settings)["notify"]
        if let webhook = json?["webhook"], let url = try secret(webhook, "url", "urlFile") {
            settings.webhook = Webhook(
                url: try checked(url), secret: try secret(webhook, "secret", "secretFile"),
                events: try events(webhook))
        }
        if let command = json?["command"], let words = command["argv"]?.array?.compactMap(\.string),
            !words.isEmpty
        {
            settings.command = Command(words: words, events: try events(command))
        }
        if let pings = json?["healthchecks"] {
            settings.healthchecks = try secret(pings, "url", "urlFile").map(checked)
        }
        return settings
    }

    private static func secret(_ json: JSONValue, _ key: String, _ file: String) throws -> Secret? {
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

    private static func events(_ json: JSONValue) throws(Failure) -> Set<NotifyEvent> {
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
