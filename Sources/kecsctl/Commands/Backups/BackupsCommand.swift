// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

struct BackupsCommand: HelpedCommand {
    static let configuration = CommandConfiguration(
        commandName: "backups", abstract: "List, inspect, verify, compare and remove backups.",
        subcommands: [
            BackupsListCommand.self, BackupsShowCommand.self, BackupsVerifyCommand.self,
            BackupsDrillCommand.self,
            BackupsDiffCommand.self, BackupsLsCommand.self, BackupsFindCommand.self, BackupsCatCommand.self,
            BackupsStatsCommand.self, BackupsLabelCommand.self,
            BackupsPruneCommand.self, BackupsDeleteCommand.self, BackupsGarbageCommand.self,
            BackupsPinCommand.self,
            BackupsUnpinCommand.self,
            BackupsExportCommand.self, BackupsCopyCommand.self, BackupsImportCommand.self,
        ])

    static let help = CommandHelp(
        ExitStatus.changes, .init("kecsctl backups list dev", "the backups of “dev”"),
        .init("kecsctl backups verify --all", "read every backup again and check it"))
}
