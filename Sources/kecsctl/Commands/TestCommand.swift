// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

struct TestCommand: HelpedCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Test that an instance keeps what is written to it.",
        subcommands: [TestPersistenceCommand.self, TestMountCommand.self])

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl test persistence dev", "does “dev” keep what is written?"),
        .init("kecsctl test mount dev", "does its server see the folders that lie here?"))
}

struct TestPersistenceCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "persistence",
        abstract:
            "Write a row, then restart, rebuild, and take down and up, and look for the row each time. Leaves nothing behind."
    )

    static let help = CommandHelp(
        ExitStatus.changes.union([14]), .init("kecsctl test persistence dev", "restarts “dev”"),
        .init("kecsctl test persistence dev -o json", "which of restart, rebuild and down it outlived"))

    @OptionGroup var instance: OneInstanceArgument
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        await session.operate(
            on: instance.selection, unnamed: .variable, changes: !change.dryRun, .init(text: Self.text)
        ) { name in
            try await session.locked(name, change) { instance in
                try await TestPersistence(site: session.site).run(instance, dryRun: change.dryRun)
            }
        }
    }

    private static func text(_ name: InstanceName, _ report: PersistenceReport) -> String {
        if report.outcome == .planned { return "\(name): would write a row, restart, and look for it" }
        let skipped = report.skipped.isEmpty ? "" : "; not tried: \(report.skipped.joined(separator: ", "))"
        return "\(name): the data outlived \(report.survived.joined(separator: ", "))\(skipped)"
    }
}

struct TestMountCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "mount",
        abstract:
            "Make a file in each mount and look whether the running server sees it. Restarts nothing, leaves nothing behind."
    )

    static let help = CommandHelp(
        ExitStatus.changes.union([13, 14]),
        .init("kecsctl test mount dev", "why does the database not persist?"),
        .init("kecsctl test mount dev --dry-run", "what is mounted where"))

    @OptionGroup var instance: OneInstanceArgument
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let selection = instance.selection
        return await session.operate(
            on: selection, unnamed: .variable, changes: !change.dryRun,
            .init(
                text: Self.text, warnings: \.warnings,
                failures: { report in [report.failure].compactMap(\.self) })
        ) { name in
            try await session.locked(name, change) { instance in
                try await TestMounts(site: session.site).run(instance, dryRun: change.dryRun)
            }
        }
    }

    private static func text(_ name: InstanceName, _ report: MountReport) -> String {
        guard !report.mounts.isEmpty else {
            return "\(name): nothing is mounted; its server sees this host's own folders"
        }
        let counts = "\(report.mounts.count) mount" + (report.mounts.count == 1 ? "" : "s")
        return (["\(name): \(counts)"] + report.mounts.map(line)).joined(separator: "\n")
    }

    private static func line(_ mount: MountReport.Mount) -> String {
        let result =
            switch mount.result {
            case .same: "the server sees what is written here"
            case .different: "NOT what the server sees"
            case .unknown: "could not be tested"
            case .planned: "would be tested"
            }
        return "  \(mount.inside) is \(mount.outside): \(result)" + (mount.writable ? "" : " (read-only)")
    }
}
