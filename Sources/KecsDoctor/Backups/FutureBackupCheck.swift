// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSystem

struct FutureBackupCheck: InstanceCheck {
    let info = CheckInfo("clock.backwards", .instance, .warning, "no backup comes from the future")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard let newest = try facts.backups.get().first(where: { $0.id.isAhead(of: look.now) }) else {
            return []
        }
        return [
            Finding(
                .warning,
                "the time of the backup \(newest.id) of “\(facts.name)” is in the future: the clock was ahead then, or is "
                    + "behind now",
                ["createdAt": .string("\(newest.id.createdAt)"), "now": .string("\(look.now)")],
                remedy: "date -u")
        ]
    }
}
