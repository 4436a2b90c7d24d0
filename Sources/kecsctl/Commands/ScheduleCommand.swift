// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem
import SystemPackage

struct ScheduleCommand: HelpedCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule", abstract: "Schedule backups with cron or systemd.",
        subcommands: [ScheduleInstallCommand.self, ScheduleShowCommand.self, ScheduleRemoveCommand.self])

    static let help = CommandHelp(
        ExitStatus.instances.union([14]),
        .init("kecsctl schedule install dev --at 02:00", "every night at two"),
        .init("kecsctl schedule show dev", "what is scheduled for “dev”"))
}

struct ScheduleInstallCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "install",
        abstract: "Install or change the backup schedule of an instance. Other entries are left alone."
    )

    static let help = CommandHelp(
        ExitStatus.instances.union([14]),
        .init(
            "kecsctl schedule install dev --at 02:00 --keep-daily 7",
            "every night; backups of seven days are kept"),
        .init(
            "kecsctl schedule install dev --every 6h --systemd --boot",
            "four times a day, and started at boot"))

    @OptionGroup var instances: InstanceArguments

    @Option(help: ArgumentHelp("The time of day (default: 02:00).", valueName: "HH:MM"))
    var at: String?

    @Option(
        help: ArgumentHelp(
            "The interval instead of a time of day: a divisor of an hour or of a day.", valueName: "6h"))
    var every: TimeSpan?

    @Flag(help: "Use this user's crontab.")
    var cron = false

    @Flag(help: "Use a systemd timer: the system's for root, else the user's own.")
    var systemd = false

    @Flag(help: "Also start the instance when the machine boots.")
    var boot = false

    @Option(help: ArgumentHelp("Also rehearse a restore, with “backups drill”: weekly.", valueName: "weekly"))
    var drill: DrillChoice?

    enum DrillChoice: String, CaseIterable, ExpressibleByArgument, Sendable {
        case weekly
    }

    @OptionGroup(title: "Retention") var retention: RetentionOptions
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func validate() throws {
        if cron, systemd { throw ValidationError("--cron and --systemd exclude each other") }
    }

    func run(_ session: Session) async throws -> Int32 {
        let schedule = try Schedule(at: at, every: every, startsAtBoot: boot, drillsWeekly: drill != nil)
        let policy = retention.settings
        let install = InstallSchedule(site: session.site, program: ScheduleText.program(session))
        let scheduler: Scheduler =
            cron
            ? .cron
            : systemd ? (Machine.userID == 0 ? .systemdSystem : .systemdUser) : try InstallSchedule.usual()
        return await session.operate(
            on: instances.selection, unnamed: .variable, changes: !change.dryRun, ScheduleText.telling
        ) { name in
            // One policy, in the instance: a backup by hand follows it too.
            let configure = Configure(site: session.site)
            var isNew = try configure.differs(policy, from: name)
            if isNew, !change.dryRun {
                isNew = try await session.locked(name, change) { _ in try configure.set(policy, for: name) }
            }
            var report = try await install.install(name, schedule, by: scheduler, dryRun: change.dryRun)
            if isNew, report.outcome == .already { report.outcome = change.dryRun ? .planned : .done }
            return report
        }
    }
}

struct ScheduleShowCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show the schedule of an instance.")
    static let help = CommandHelp(
        ExitStatus.instances, .init("kecsctl schedule show dev", "its lines or units"),
        .init("kecsctl schedule show --all -o json", "of all instances, for a script"))

    @OptionGroup var instances: InstanceArguments
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let install = InstallSchedule(site: session.site, program: ScheduleText.program(session))
        return await session.operate(
            on: instances.selection, unnamed: .everything, changes: false, ScheduleText.telling
        ) { name in
            try await install.show(name)
        }
    }
}

struct ScheduleRemoveCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove the schedule of an instance. Other entries are left alone."
    )
    static let help = CommandHelp(
        ExitStatus.instances, .init("kecsctl schedule remove dev", "no more backups by schedule"),
        .init("kecsctl schedule remove dev --dry-run", "what would be removed"))

    @OptionGroup var instances: InstanceArguments
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let install = InstallSchedule(site: session.site, program: ScheduleText.program(session))
        return await session.operate(
            on: instances.selection, unnamed: .variable, changes: !change.dryRun,
            .init(text: ScheduleText.removed)
        ) { name in
            try await install.remove(name, dryRun: change.dryRun)
        }
    }
}

enum ScheduleText {
    static var telling: Session.Telling<ScheduleReport> {
        .init(text: text, warnings: \.notes)
    }

    static func removed(_ name: InstanceName, _ report: ScheduleReport) -> String {
        switch report.outcome {
        case .done: "\(name): removed from the schedule"
        case .planned: "\(name): would be removed from the schedule"
        default: "\(name): nothing was scheduled"
        }
    }

    /// Returns this very program: a schedule must not depend on PATH.
    static func program(_ session: Session) -> ScheduledProgram {
        let link = try? FilePath("/proc/self/exe").linkTarget()
        return ScheduledProgram(
            executable: link.map { String(decoding: $0, as: UTF8.self) } ?? "/usr/local/bin/kecsctl",
            home: session.site.home, path: session.machine.environment["PATH"],
            usualHome: session.machine.environment["HOME"].map {
                FilePath($0).appending(".kecs").lexicallyNormalized()
            })
    }

    private static func text(_ name: InstanceName, _ report: ScheduleReport) -> String {
        let verb =
            switch report.outcome {
            case .done: "scheduled"
            case .planned: "would be scheduled"
            default: report.lines.isEmpty ? "nothing is scheduled" : "scheduled already"
            }
        let by = report.scheduler.map { " (\($0.rawValue))" } ?? ""
        return (["\(name): \(verb)\(by)"] + report.lines.map { "  " + $0.printable }).joined(separator: "\n")
    }
}
