// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

struct ConfigCommand: HelpedCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Show and change settings.",
        subcommands: [
            ConfigShowCommand.self, ConfigGetCommand.self, ConfigSetCommand.self, ConfigProfileCommand.self,
            ConfigCheckCommand.self,
        ])

    static let help = CommandHelp(
        ConfigSetCommand.help.statuses, .init("kecsctl config show --origin", "every setting and who set it"),
        .init("kecsctl config set keep 14", "keep 14 backups of every instance"))
}

struct ConfigShowCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show the effective settings, for all instances or for one.",
        discussion: """
            A setting comes from a flag, else from the environment, else from the instance's config.json, else from \
            kecsctl.json in the home, else it is the default.
            """)

    static let help = CommandHelp(
        ExitStatus.common.union([10, 13]),
        .init("kecsctl config show --origin", "every setting and who set it"),
        .init("kecsctl config show dev", "those of “dev”"))

    @OptionGroup var instance: OneInstanceArgument

    @Flag(help: "Also show where each value comes from.")
    var origin = false

    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let name = try instance.selection.names.first.map { try InstanceName(checking: $0) }
        return await session.list(Self.listing(withOrigin: origin)) {
            try Configure(site: session.site).show(name)
        }
    }

    static func listing(withOrigin origin: Bool) -> Session.Listing<SettingItem> {
        .init(
            kind: "SettingList", table: { items, width in table(items, origin).text(width: width) },
            name: \.key)
    }

    private static func table(_ items: [SettingItem], _ origin: Bool) -> Table {
        Table(
            header: ["SETTING", "VALUE"] + (origin ? ["ORIGIN"] : []),
            rows: items.map { item in
                [item.key, item.value.map(text)] + (origin ? [item.origin] : [])
            })
    }

    static func text(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): text
        case .integer(let number): String(number)
        case .bool(let flag): String(flag)
        case .real(let number): "\(number)"
        case .null, .array, .object: ""
        }
    }
}

struct ConfigSetCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Write one setting into kecsctl.json, or into an instance's config.json.",
        discussion: "Patterns that would leave the database out of every backup are refused.")

    static let help = CommandHelp(
        ExitStatus.common.union([10, 11, 13, 16]),
        .init("kecsctl config set keep 14", "for all instances"),
        .init("kecsctl config set compression small --instance dev", "for one"),
        .init("kecsctl config set keep --unset", "take it out again"))

    @Argument(
        help: ArgumentHelp("A name from “config show”.", valueName: "setting"),
        completion: .list(SettingKey.allCases.map(\.rawValue)))
    var setting: String

    @Argument(help: "The value.", completion: .custom(SettingCompletion.values))
    var value: String?

    @Option(
        help: ArgumentHelp("Only for this instance.", valueName: "name"),
        completion: .custom(InstanceCompletion.names))
    var instance: String?

    @Flag(help: "Remove the setting.")
    var unset = false

    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func validate() throws {
        // An unknown setting can be removed, as long as it is set.
        guard unset || SettingKey(rawValue: setting) != nil else {
            let near = NearestWord.of(setting, among: SettingKey.allCases.map(\.rawValue))
            throw ValidationError(
                "there is no setting “\(setting)”" + (near.map { "; the nearest is “\($0)”" } ?? ""))
        }
        guard (value == nil) == unset else {
            throw ValidationError("either a value or --unset is needed")
        }
    }

    func run(_ session: Session) async throws -> Int32 {
        let name = try instance.map { try InstanceName(checking: $0) }
        let configure = Configure(site: session.site)
        guard let key = SettingKey(rawValue: setting) else {
            if let name, !change.dryRun {
                try await session.lockedSettings(name, change) { try configure.unset(setting, for: name) }
            } else if !change.dryRun {
                try configure.unset(setting, for: nil)
            }
            var listing = ConfigShowCommand.listing(withOrigin: true)
            listing.nothing = "“\(setting)” is not set"
            return await session.list(listing) { [] }
        }
        if let value, !force.force {
            try await CheckExcludeSetting(site: session.site).run(key, to: value, for: name)
        }
        if change.dryRun {
            if let value, key.parse(value) == nil {
                throw Failure(
                    .usage, "“\(value)” is no value for \(setting)", cause: "it must be \(key.expected)")
            }
        } else if let name {
            try await session.lockedSettings(name, change) {
                try configure.set(key, to: value, for: name)
            }
        } else {
            try configure.set(key, to: value, for: nil)
        }
        let listing = ConfigShowCommand.listing(withOrigin: true)
        return await session.list(listing) { try configure.show(name).filter { $0.key == setting } }
    }
}
