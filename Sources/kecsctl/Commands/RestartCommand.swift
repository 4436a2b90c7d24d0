// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

struct RestartCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart", abstract: "Stop without a backup, and start again.")

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl restart dev", "restart “dev”"),
        .init("kecsctl restart --all --timeout 5m", "restart all of them, in at most five minutes"))

    @OptionGroup var instances: InstanceArguments
    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        await session.operate(
            on: instances.selection, unnamed: .variable, changes: !change.dryRun, StartCommand.telling
        ) { name in
            try await session.locked(name, change, duty: .leave) { instance in
                try await RestartInstance(site: session.site).run(
                    instance, limit: global.healthLimit, force: force.force, dryRun: change.dryRun)
            }
        }
    }
}
