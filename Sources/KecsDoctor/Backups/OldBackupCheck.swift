// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSystem

struct OldBackupCheck: InstanceCheck {
    let info = CheckInfo("backup.old", .instance, .warning, "the newest good backup is at most 26 hours old")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let age = BackupAge(facts.instance, backups: try facts.backups.get(), at: look.now)
        guard let newest = age.newest, age.isOver(Thresholds.backupAge) else { return [] }
        return [
            Finding(
                .warning, "the newest good backup of “\(facts.name)” is from \(newest.createdAt)",
                [
                    "backup": .string(newest.description), "ageSeconds": .integer(age.seconds ?? 0),
                    "limitSeconds": .integer(Thresholds.backupAge.seconds),
                ],
                remedy: "kecsctl backup \(facts.name)")
        ]
    }
}
