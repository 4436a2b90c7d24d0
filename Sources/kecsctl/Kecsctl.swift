// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// The root of all commands.
struct Kecsctl: HelpedCommand {
    static let configuration = CommandConfiguration(
        commandName: "kecsctl",
        abstract: "Start, stop, back up and restore local KECS instances.",
        version: Version.number,
        groupedSubcommands: [
            CommandGroup(
                name: "Lifecycle",
                subcommands: [
                    StartCommand.self, StopCommand.self, RestartCommand.self, ListCommand.self,
                    StatusCommand.self, InspectCommand.self,
                    LogsCommand.self, RenameCommand.self, CloneCommand.self, MoveCommand.self,
                    ResetCommand.self, DestroyCommand.self,
                ]),
            CommandGroup(
                name: "Data",
                subcommands: [
                    BackupCommand.self, BackupsCommand.self, RestoreCommand.self, UndoCommand.self,
                    RemoteCommand.self, VolumesCommand.self, DuCommand.self,
                ]),
            CommandGroup(
                name: "State",
                subcommands: [
                    RecoverCommand.self, AdoptCommand.self, StateCommand.self, MigrateCommand.self,
                    DbCommand.self,
                ]),
            CommandGroup(
                name: "Health",
                subcommands: [
                    DoctorCommand.self, CheckCommand.self, ScheduleCommand.self, MetricsCommand.self,
                    TestCommand.self, HistoryCommand.self,
                ]),
            CommandGroup(
                name: "Other",
                subcommands: [
                    ConfigCommand.self, RenderCommand.self, CompletionsCommand.self, VersionCommand.self,
                    ManPagesCommand.self, ArriveCommand.self,
                ]),
        ])

    static let help = CommandHelp(
        Set(ExitStatus.meanings.map(\.status)),
        .init("kecsctl start dev --runtime local", "create the instance “dev” and start it"),
        .init("kecsctl backup --all --quiet", "back up all instances, as cron does"))
}
