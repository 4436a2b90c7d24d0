// SPDX-License-Identifier: Apache-2.0
import KecsStorage

struct DamagedBackupCheck: InstanceCheck {
    let info = CheckInfo("backup.damaged", .instance, .error, "no backup is damaged")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        try facts.backups.get().compactMap { backup in
            guard case .damaged(let file, let why) = backup.state else { return nil }
            return Finding(
                .error, "the backup \(backup.id) of “\(facts.name)” is damaged: \(file): \(why)",
                ["backup": .string(backup.id.description), "file": .string(file)],
                remedy: "kecsctl backups delete \(backup.id)")
        }
    }
}
