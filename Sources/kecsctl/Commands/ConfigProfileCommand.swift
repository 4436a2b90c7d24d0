// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs

struct ConfigProfileCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile",
        abstract: "Write the settings of a profile: what happens to clusters at a stop and at a start.",
        discussion: """
            dev: a stop keeps the clusters (keepClustersOnShutdown), and a start recovers nothing (autoRecoverState).
            prod: a stop deletes the clusters after the backup, and a start recovers them from the state database.
            """)

    static let help = CommandHelp(
        ConfigSetCommand.help.statuses,
        .init("kecsctl config profile dev --instance dev", "for one instance"),
        .init("kecsctl config profile prod", "for all that have no settings of their own"))

    @Argument(help: "dev or prod.")
    var profile: SettingsProfile

    @Option(
        help: ArgumentHelp("Only for this instance.", valueName: "name"),
        completion: .custom(InstanceCompletion.names))
    var instance: String?

    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let name = try instance.map { try InstanceName(checking: $0) }
        let configure = Configure(site: session.site)
        if change.dryRun {
            return await session.list(ConfigShowCommand.listing(withOrigin: false)) {
                _ = try configure.show(name)
                return profile.items
            }
        }
        if let name {
            try await session.lockedSettings(name, change) { try configure.use(profile, for: name) }
        } else {
            try configure.use(profile, for: nil)
        }
        return await session.list(ConfigShowCommand.listing(withOrigin: true)) {
            try configure.show(name).filter { item in profile.items.contains { $0.key == item.key } }
        }
    }
}

extension SettingsProfile: ExpressibleByArgument {}
