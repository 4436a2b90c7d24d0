// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// A notification for people: a mail, a line in a chat, a message on a telephone. Nothing in it is a secret.
struct NotificationText: Sendable {
    /// One line.
    let title: String
    /// Some lines; may be empty.
    let body: String
    /// Whether somebody should look at it now.
    let isUrgent: Bool

    /// The longest body. ntfy takes 4,096 bytes and makes a file of more.
    private static let longest = 3000

    /// - Parameters:
    ///   - tail: The command's last lines of output.
    ///   - host: The machine's name; empty when it has none.
    init(_ notification: Notification, tail: [String], host: String) {
        let event = notification.event
        let name = notification.instance ?? "all instances"
        func word(_ key: String) -> String {
            printable(Array((notification.result?[key]?.string ?? "?").utf8))
        }
        let said: String
        switch event {
        case .start: said = "\(notification.command) of \(name) began"
        case .success: said = "\(notification.command) of \(name) is done"
        case .failure:
            said = "\(notification.command) of \(name) ended with status \(notification.status ?? 1)"
        case .overdue: said = "the newest good backup of \(name) is too old"
        case .recoverStarted: said = "the recovery of \(name) began"
        case .recoverFinished: said = "the recovery of \(name) ended with status \(notification.status ?? 0)"
        case .copyFailed: said = "a backup of \(name) was not copied to \(word("remote"))"
        case .copyOverdue: said = "the newest copy of \(name) on \(word("remote")) is too old"
        case .drillFailed: said = "a backup of \(name) failed its drill"
        case .lacking: said = "the backup of \(name) lacks something and does not count"
        case .shrunk: said = "the data of \(name) shrank"
        }
        isUrgent =
            switch event {
            case .start, .success, .recoverStarted: false
            case .recoverFinished: notification.status != 0
            case .failure, .overdue, .copyFailed, .copyOverdue, .drillFailed, .lacking, .shrunk: true
            }
        title = (said + (host.isEmpty ? "" : " (\(host))")).filter { !$0.isNewline }.masked
        var lines = tail
        if lines.isEmpty, let result = notification.result { lines = Self.facts(result) }
        body = String(lines.map(\.masked).joined(separator: "\n").prefix(Self.longest))
    }

    /// What the result says in words, wherever that is in it.
    private static func facts(_ result: JSONValue) -> [String] {
        var lines: [String] = []
        if let error = result["error"] {
            lines += ["message", "cause"].compactMap { error[$0]?.string }
            if let remedy = error["remedy"]?.string { lines.append(Remedy.line(remedy)) }
        }
        // A report that is good but for something: `startError`, `copyErrors` and the like.
        if case .object(let members) = result {
            for (key, value) in members.sorted(by: { $0.key < $1.key }) where key != "error" {
                guard key.hasSuffix("Error") || key.hasSuffix("Errors") else { continue }
                lines += (value.array ?? [value]).compactMap { $0["message"]?.string }
            }
        }
        if let overdue = result["overdue"]?.string { lines.append(overdue) }
        for problem in result["problems"]?.array ?? [] {
            lines.append(["part", "path", "why"].compactMap { problem[$0]?.string }.joined(separator: " "))
        }
        for lack in result["lacks"]?.array ?? [] {
            lines.append(["part", "path", "detail"].compactMap { lack[$0]?.string }.joined(separator: " "))
        }
        lines += (result["remarks"]?.array ?? []).compactMap(\.string)
        if let backup = result["backup"]?["id"]?.string ?? result["backup"]?.string {
            lines.append("backup: \(backup)")
        }
        return lines.map { printable(Array($0.utf8)) }
    }
}
