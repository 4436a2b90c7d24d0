// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// The program that runs the schedule.
public enum Scheduler: String, Sendable, Hashable, Encodable {
    case cron
    /// The timers of this user's own service manager.
    case systemdUser = "systemd-user"
    case systemdSystem = "systemd-system"
}

/// The result of `schedule`, or its plan.
public struct ScheduleReport: OperationReport {
    public static let kind = "ScheduleReport"
    public var outcome: Outcome
    public var scheduler: Scheduler?
    /// The lines of the crontab, or names of units.
    public var lines: [String]
    /// The files that were, or would be, written.
    public var files: [String: String]
    /// Notes for the user: lingering is off.
    public var notes: [String]
}

/// Puts an instance's schedule into the crontab or among systemd's units. Touches only kecsctl's own lines and units.
public struct InstallSchedule: Sendable {
    let site: Site
    let program: ScheduledProgram

    public init(site: Site, program: ScheduledProgram) {
        self.site = site
        self.program = program
    }

    /// systemd where it runs the machine, cron elsewhere.
    public static func usual() throws -> Scheduler {
        // sd_booted(3)
        guard try FilePath("/run/systemd/system").isFolder else { return .cron }
        return Machine.userID == 0 ? .systemdSystem : .systemdUser
    }

    public func install(
        _ name: InstanceName, _ schedule: Schedule, by scheduler: Scheduler, dryRun: Bool = false
    ) async throws -> ScheduleReport {
        for path in [site.home.path.string, program.executable, program.path]
        where path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
            throw Failure(
                .usage, "the schedule of “\(name)” cannot be written",
                cause:
                    "“\(printable(Array(path.utf8)))” has a line break or another control character, and a crontab "
                    + "or a unit is made of lines",
                remedy: "kecsctl backup \(name)")
        }
        switch scheduler {
        case .cron:
            let lines = schedule.crontabLines(name, program)
            return try await changeCrontab(name, to: lines, dryRun: dryRun)
        case .systemdUser, .systemdSystem:
            let units = SystemdUnits(schedule, name, program, isUser: scheduler == .systemdUser)
            return try await write(units, name, scheduler, dryRun: dryRun)
        }
    }

    /// Removes the schedule from the crontab and from systemd, wherever it is.
    public func remove(_ name: InstanceName, dryRun: Bool = false) async throws -> ScheduleReport {
        var report = ScheduleReport(outcome: .already, scheduler: nil, lines: [], files: [:], notes: [])
        do {
            let cron = try await changeCrontab(name, to: [], dryRun: dryRun)
            if cron.outcome != .already { report = cron }
        } catch let error as ProcessError {
            guard case .notFound = error else { throw error }
        }
        for scheduler in [Scheduler.systemdUser, .systemdSystem] {
            guard let folder = folder(scheduler) else { continue }
            let there = try units(of: name, in: folder)
            guard !there.isEmpty else { continue }
            report.outcome = dryRun ? .planned : .done
            report.scheduler = scheduler
            report.lines += there
            if dryRun { continue }
            try await removeUnits(there, of: name, by: scheduler, in: folder)
        }
        return report
    }

    func removeUnits(
        _ units: [String], of name: InstanceName, by scheduler: Scheduler, in folder: FilePath
    ) async throws {
        _ = try await systemctl(
            scheduler,
            ["disable", "--now"] + units.filter { $0.hasSuffix(".timer") || Self.isForBoot($0, name) })
        for unit in units { try folder.appending(unit).remove() }
        _ = try await systemctl(scheduler, ["daemon-reload"])
    }

    public func show(_ name: InstanceName) async throws -> ScheduleReport {
        var report = ScheduleReport(outcome: .already, scheduler: nil, lines: [], files: [:], notes: [])
        do {
            report.lines = try await Crontab.load(site.machine).lines(of: name, in: program.home)
            if !report.lines.isEmpty { report.scheduler = .cron }
        } catch let error as ProcessError {
            guard case .notFound = error else { throw error }
        }
        for scheduler in [Scheduler.systemdUser, .systemdSystem] {
            guard let folder = folder(scheduler) else { continue }
            for unit in try units(of: name, in: folder) {
                report.scheduler = scheduler
                report.lines.append(unit)
                report.files[folder.appending(unit).string] = String(
                    decoding: try folder.appending(unit).contents(limit: 1 << 20), as: UTF8.self)
            }
        }
        return report
    }

    // MARK: cron

    private func changeCrontab(
        _ name: InstanceName, to lines: [String], dryRun: Bool
    ) async throws -> ScheduleReport {
        let before = try await Crontab.load(site.machine)
        var after = before
        after.setLines(lines, of: name, in: program.home)
        var report = ScheduleReport(outcome: .already, scheduler: .cron, lines: lines, files: [:], notes: [])
        guard after != before else { return report }
        report.outcome = dryRun ? .planned : .done
        if !dryRun { try await after.install(site.machine) }
        return report
    }

    // MARK: systemd

    func folder(_ scheduler: Scheduler) -> FilePath? {
        switch scheduler {
        case .cron: nil
        case .systemdSystem: "/etc/systemd/system"
        case .systemdUser:
            (site.machine.environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
                ?? site.machine.environment["HOME"].map { $0 + "/.config" }).map {
                    FilePath($0 + "/systemd/user")
                }
        }
    }

    /// Returns this instance's existing units, including those of former versions.
    func units(of name: InstanceName, in folder: FilePath) throws -> [String] {
        let own = try SystemdUnits.names(name, program).filter { try folder.appending($0).isPresent }
        let timers = try SystemdUnits.formerNames(name).filter { unit in
            // A timer has no command; it belongs to the owner of its service.
            let service = unit.hasSuffix(".timer") ? String(unit.dropLast(6)) + ".service" : unit
            guard try folder.appending(unit).isPresent, try folder.appending(service).isPresent else {
                return false
            }
            let text = String(
                decoding: try folder.appending(service).contents(limit: 1 << 20), as: UTF8.self)
            return text.split(separator: "\n").contains { isOurs(String($0), name, unit: service) }
        }
        return own + timers
    }

    /// Returns true when a line of a unit runs kecsctl for this instance of this home, with the verb that the unit's
    /// name means.
    private func isOurs(_ line: String, _ name: InstanceName, unit: String) -> Bool {
        let verb = unit == "kecsctl-\(name).service" ? "start" : "backup"
        let words = ([program.executable, verb, name.description]).dropFirst()
        return line.hasPrefix("ExecStart=") && line.contains(" \(words.joined(separator: " ")) ")
            && line.contains(" --home \(SystemdUnits.command([program.home.path.string])) ")
    }

    static func isForBoot(_ unit: String, _ name: InstanceName) -> Bool {
        unit.hasPrefix("kecsctl-start@") || unit == "kecsctl-\(name).service"
    }

    private func write(
        _ units: SystemdUnits, _ name: InstanceName, _ scheduler: Scheduler, dryRun: Bool
    ) async throws -> ScheduleReport {
        guard let folder = folder(scheduler) else {
            throw Failure(.usage, "there is no folder for units", cause: "HOME is not set")
        }
        var report = ScheduleReport(
            outcome: .already, scheduler: scheduler, lines: units.files.keys.sorted(),
            files: Dictionary(
                uniqueKeysWithValues: units.files.map { (folder.appending($0.key).string, $0.value) }),
            notes: [])
        func isThere(_ unit: String, _ text: String) throws -> Bool {
            let file = folder.appending(unit)
            return try FileStatus.of(file)?.kind == .file && file.contents(limit: 1 << 20) == Array(text.utf8)
        }
        let obsolete = try self.units(of: name, in: folder).filter { units.files[$0] == nil }
        let isSame = try units.files.allSatisfy { try isThere($0.key, $0.value) } && obsolete.isEmpty
        if scheduler == .systemdUser { report.notes = await lingering() }
        if isSame { return report }
        report.outcome = dryRun ? .planned : .done
        if dryRun { return report }
        if !obsolete.isEmpty {
            _ = try await systemctl(scheduler, ["disable", "--now"] + obsolete)
            for unit in obsolete { try folder.appending(unit).remove() }
        }
        try folder.createFolder(mode: 0o755)
        for (unit, text) in units.files {
            try folder.appending(unit).replaceContents(Array(text.utf8), mode: 0o644)
        }
        for arguments in [
            ["daemon-reload"], ["enable", "--now"] + units.enabled.filter { $0.hasSuffix(".timer") },
        ] {
            let result = try await systemctl(scheduler, arguments)
            guard result.succeeded else {
                for unit in units.files.keys { try folder.appending(unit).remove() }
                throw Failure(
                    .unreachable, "systemd did not take the schedule of “\(name)”",
                    cause: result.errorText.trimmed,
                    remedy: "kecsctl schedule install \(name) --cron")
            }
        }
        // Only enabled: the instance is started at the next boot, not by installing a schedule.
        let boot = units.enabled.filter { $0.hasSuffix(".service") }
        if !boot.isEmpty { _ = try await systemctl(scheduler, ["enable"] + boot) }
        return report
    }

    private func systemctl(_ scheduler: Scheduler, _ arguments: [String]) async throws -> ProcessResult {
        var call = ProcessCall("systemctl", (scheduler == .systemdUser ? ["--user"] : []) + arguments)
        call.limit = .seconds(30)
        return try await site.machine.processes.run(call)
    }

    /// A user's timers run only while the user is logged in, unless lingering is on.
    private func lingering() async -> [String] {
        var call = ProcessCall("loginctl", "show-user", "\(Machine.userID)", "--property=Linger", "--value")
        call.limit = .seconds(5)
        let answer = try? await site.machine.processes.run(call)
        if let answer, answer.succeeded, answer.outputText.trimmed == "yes" { return [] }
        return ["timers of a user who is not logged in do not run: loginctl enable-linger"]
    }
}
