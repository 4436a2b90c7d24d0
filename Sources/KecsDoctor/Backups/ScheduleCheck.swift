// SPDX-License-Identifier: Apache-2.0
public import Kecs
import KecsSystem

/// Gives a hint: an instance without a schedule is fine as long as its backups are young, which `backup.old` checks.
/// The profile `production` makes it an error.
struct ScheduleCheck: InstanceCheck {
    let info = CheckInfo("schedule.none", .instance, .info, "backups are taken by a schedule")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard !look.surroundings.isScheduled(facts.name, home: look.site.home) else { return [] }
        return [
            Finding(
                .info, "no crontab and no timer takes backups of “\(facts.name)”",
                [
                    "crontabs": .integer(Int64(look.surroundings.crontabs.count)),
                    "units": .integer(Int64(look.surroundings.units.count)),
                ],
                remedy: "kecsctl schedule install \(facts.name) --at 02:00")
        ]
    }
}

extension Surroundings {
    /// Returns true when a crontab or a timer takes backups of the instance.
    public func isScheduled(_ name: InstanceName, home: Home) -> Bool {
        ScheduledCommand.all(in: self).contains { $0.backsUp(name, home: home) }
    }
}

extension InstanceFacts {
    /// True when a backup was ever copied to another machine.
    public var hasRemoteCopy: Bool { RemoteCheck.hasCopy(self) }
}
