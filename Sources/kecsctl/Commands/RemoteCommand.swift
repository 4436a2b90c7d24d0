// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import Logging
import KecsBackups
import KecsSQLite
import KecsSystem

struct RemoteCommand: HelpedCommand {
    static let configuration = CommandConfiguration(
        commandName: "remote", abstract: "Name the places outside this machine that backups are copied to.",
        discussion:
            "A remote is a folder, such as a mounted disk's, REMOTE:PATH of a remote that “rclone config” made (S3, SFTP, WebDAV "
            + "and others), or ssh://HOST/PATH. Secrets stay in rclone's own configuration.",
        subcommands: [
            RemoteAddCommand.self, RemoteListCommand.self, RemoteTestCommand.self, RemoteRemoveCommand.self,
        ])

    static let help = CommandHelp(
        ExitStatus.instances.union([11, 13, 14]),
        .init("kecsctl remote add usb /mnt/usb/kecs", "a folder on another disk"),
        .init("kecsctl remote add offsite storagebox:kecs", "a path on a remote of rclone"))
}

struct RemoteAddCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Give a place for copies a name; nothing is written there.")

    static let help = CommandHelp(
        ExitStatus.instances.union([11]), .init("kecsctl remote add usb /mnt/usb/kecs", "a folder"),
        .init(
            "kecsctl remote add offsite storagebox:kecs --keep 30",
            "a path on a remote of rclone, with a retention"),
        .init(
            "kecsctl remote add nas ssh://backup@nas/srv/kecs --bandwidth 5M",
            "over ssh, at most 5 MB a second"))

    @Argument(help: ArgumentHelp("What it is called here.", valueName: "name"))
    var name: String

    @Argument(
        help: ArgumentHelp(
            "A folder, REMOTE:PATH as rclone calls it, or ssh://[USER@]HOST[:PORT]/PATH.",
            valueName: "address"))
    var address: String

    @Option(help: ArgumentHelp("Limit transfers to this many bytes per second.", valueName: "size"))
    var bandwidth: SizeArgument?

    @OptionGroup(title: "Retention there (default: nothing is removed)") var retention: RetentionOptions

    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        await session.list(RemoteText.listing(of: { "\($0.name): \($0.address)\n" })) {
            let (remote, isNew) = try await session.underHomeLock(change) {
                try Remotes(site: session.site).add(
                    name, address, settings: settings, dryRun: change.dryRun)
            }
            if isNew, !change.dryRun { session.record(remote, status: 0) }
            return [remote]
        }
    }
}

extension RemoteAddCommand {
    func validate() throws {
        if let bandwidth, bandwidth.size.bytes <= 0 {
            throw ValidationError("--bandwidth must be more than 0")
        }
    }

    private var settings: [String: JSONValue] {
        var settings: [String: JSONValue] = [:]
        for (key, text) in retention.settings { settings[key.rawValue] = key.parse(text) }
        settings[Remote.bandwidthKey] = bandwidth.map { .integer($0.size.bytes) }
        return settings
    }
}

struct RemoteListCommand: SessionCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the remotes.")

    static let help = CommandHelp(
        ExitStatus.common, .init("kecsctl remote list", "names and addresses"),
        .init("kecsctl remote list -o name", "only the names"))

    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        await session.list(RemoteText.listing()) { try Remotes(site: session.site).all() }
    }
}

struct RemoteTestCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Write a small file to a remote, read it back, take it away.")

    static let help = CommandHelp(
        ExitStatus.common.union([10, 13, 14, 16]), .init("kecsctl remote test usb", "one remote"),
        .init("kecsctl remote test offsite --quiet", "silent when it works"))

    @Argument(help: ArgumentHelp("The remote.", valueName: "name"))
    var name: String

    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        await session.list(RemoteText.listing(of: { "\($0.name): works\n" })) {
            let remote = try Remotes(site: session.site).find(name)
            for note in try await TestRemote(site: session.site).run(remote) {
                session.console.note(.notice, note)
            }
            return [remote]
        }
    }
}

struct RemoteRemoveCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Forget a remote; what lies there stays.")

    static let help = CommandHelp(
        ExitStatus.instances.union([11]), .init("kecsctl remote remove usb", "its copies stay"),
        .init("kecsctl remote remove usb --dry-run", "what would be forgotten"))

    @Argument(help: ArgumentHelp("The remote.", valueName: "name"))
    var name: String

    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let verb = change.dryRun ? "would be forgotten" : "forgotten"
        return await session.list(
            RemoteText.listing(of: { "\($0.name): \(verb); what lies in \($0.address) stays\n" })
        ) {
            let remote = try await session.underHomeLock(change) {
                try Remotes(site: session.site).remove(name, dryRun: change.dryRun)
            }
            if !change.dryRun { session.record(remote, status: 0) }
            return [remote]
        }
    }
}

enum RemoteText {
    private static func settings(_ remote: Remote) -> String {
        remote.settings.sorted { $0.key < $1.key }.map { key, value in
            switch value {
            case .integer(let number) where key == Remote.bandwidthKey: "\(key) \(ByteCount(number))/s"
            case .integer(let number): "\(key) \(number)"
            default: "\(key) \(value.string ?? "")"
            }
        }.joined(separator: ", ")
    }

    static func listing(of line: ((Remote) -> String)? = nil) -> Session.Listing<Remote> {
        .init(
            kind: "RemoteList",
            table: { items, width in
                line.map { items.map($0).joined() }
                    ?? Table(
                        header: ["NAME", "ADDRESS", "SETTINGS"],
                        rows: items.map { [$0.name, $0.address, settings($0)] }
                    ).text(width: width)
            }, name: \.name,
            nothing: "there is no remote yet; “kecsctl remote add --help” tells how to add one")
    }
}

extension Session {
    /// A dry run takes no lock.
    func underHomeLock<Value>(_ change: ChangeOptions, _ body: () throws -> Value) async throws -> Value {
        if change.dryRun { return try body() }
        return try await site.underHomeLock(lock(change), body)
    }
}
