// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct GrowthCheck: InstanceCheck {
    let info = CheckInfo(
        "disk.days-to-full", .instance, .warning, "at its growth the disk lasts for two more weeks")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard let growth = Growth(facts.backups.value ?? []) else { return [] }
        // On the fullest of the file systems that the parts lie on.
        let all = try (facts.roots.isEmpty ? [facts.data.get()] : facts.roots).filter { try $0.isPresent }
            .map(look.site.machine.freeSpace)
        guard let free = all.min(), let days = growth.days(untilFull: free), days < Thresholds.daysToFull
        else {
            return []
        }
        return [
            Finding(
                .warning, "at its growth “\(facts.name)” fills the disk in \(Int(days)) days",
                ["bytesPerDay": .integer(Int64(growth.bytesPerDay)), "freeBytes": .integer(free.bytes)],
                remedy: "df -h \(look.site.home.path)")
        ]
    }
}
