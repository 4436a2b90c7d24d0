// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

extension InstallSchedule {
    /// Schedules for one instance what was scheduled for another, at the same times. A second call does nothing.
    ///
    /// - Returns: The lines and units, under their names for the new instance.
    public func move(
        _ old: InstanceName, to new: InstanceName, dryRun: Bool = false
    ) async throws -> [String] {
        var moved: [String] = []
        do {
            let before = try await Crontab.load(site.machine)
            let lines = before.lines(of: old, in: program.home).map { Self.line($0, from: old, to: new) }
            if !lines.isEmpty {
                var after = before
                after.setLines([], of: old, in: program.home)
                after.setLines(after.lines(of: new, in: program.home) + lines, of: new, in: program.home)
                if !dryRun { try await after.install(site.machine) }
                moved += lines
            }
        } catch let error as ProcessError {
            // A machine without cron.
            guard case .notFound = error else { throw error }
        }
        for scheduler in [Scheduler.systemdUser, .systemdSystem] {
            guard let folder = folder(scheduler) else { continue }
            let there = try units(of: old, in: folder)
            guard let timer = there.first(where: { $0.hasSuffix(".timer") }) else { continue }
            let text = String(
                decoding: try folder.appending(timer).contents(limit: 1 << 20), as: UTF8.self)
            var schedule = try SystemdUnits.schedule(
                of: text, startsAtBoot: there.contains { Self.isForBoot($0, old) })
            schedule.drillsWeekly = there.contains { $0.hasPrefix(SystemdUnits.drillPrefix) }
            moved += try await install(new, schedule, by: scheduler, dryRun: dryRun).lines
            if !dryRun { try await removeUnits(there, of: old, by: scheduler, in: folder) }
        }
        return moved
    }

    /// Replaces the name after the verb, in the form that `ScheduledProgram` writes.
    static func line(_ line: String, from old: InstanceName, to new: InstanceName) -> String {
        var line = line
        for verb in ["backup", "drill", "start"] {
            line = line.replacing(" \(verb) \(old) ", with: " \(verb) \(new) ")
        }
        return line
    }
}

extension SystemdUnits {
    /// Returns the schedule of a timer of ours.
    ///
    /// - Throws: `Failure(.usage)` for a time that we did not write.
    static func schedule(of timer: String, startsAtBoot: Bool) throws(Failure) -> Schedule {
        let prefix = "OnCalendar="
        let calendar = timer.split(separator: "\n").first { $0.hasPrefix(prefix) }?.dropFirst(prefix.count)
        let time = String(calendar?.split(separator: " ").last ?? "")
        let parts = time.split(separator: ":", omittingEmptySubsequences: false)
        if parts.count == 3 {
            if parts[0] == "*", parts[1].hasPrefix("0/") {
                return try Schedule(every: TimeSpan("\(parts[1].dropFirst(2))m"), startsAtBoot: startsAtBoot)
            }
            if parts[0].hasPrefix("0/") {
                return try Schedule(every: TimeSpan("\(parts[0].dropFirst(2))h"), startsAtBoot: startsAtBoot)
            }
            return try Schedule(at: "\(parts[0]):\(parts[1])", startsAtBoot: startsAtBoot)
        }
        throw Failure(.usage, "the timer's time “\(calendar ?? "")” is none that kecsctl wrote")
    }
}
