// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSystem

struct DamagedBackupCheck: InstanceCheck {
    let info = CheckInfo("backup.damaged", .instance, .error, "no backup is damaged")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        try facts.backups.get().compactMap { backup in
            if let problem = backup.markProblem {
                return Finding(
                    .warning,
                    "the mark of the backup \(backup.id) of “\(facts.name)” cannot be read; it is kept as if it were pinned: \(problem)",
                    ["backup": .string(backup.id.description), "file": .string(BackupStore.markName)],
                    remedy: "kecsctl backups verify \(facts.name)/\(backup.id)")
            }
            guard case .damaged(let file, let why) = backup.state else { return nil }
            return Finding(
                .error, "the backup \(backup.id) of “\(facts.name)” is damaged: \(file): \(why)",
                ["backup": .string(backup.id.description), "file": .string(file)],
                remedy: "kecsctl backups delete \(facts.name)/\(backup.id) --yes")
        }
    }
}
