// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSystem

struct UnverifiedBackupCheck: InstanceCheck {
    let info = CheckInfo(
        "backup.unverified", .instance, .warning, "the newest backup was read back and checked")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard let newest = try facts.backups.get().first(where: { $0.state == .complete }), !newest.isVerified
        else { return [] }
        return [
            Finding(
                .warning, "the newest backup of “\(facts.name)”, \(newest.id), was never verified",
                ["backup": .string(newest.id.description)],
                remedy: "kecsctl backups verify \(facts.name)/\(newest.id)")
        ]
    }
}
