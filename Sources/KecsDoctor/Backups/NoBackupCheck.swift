// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSystem

struct NoBackupCheck: InstanceCheck {
    let info = CheckInfo("backup.none", .instance, .warning, "there is a backup that can be restored")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let backups = try facts.backups.get()
        guard !backups.contains(where: \.isRestorable) else { return [] }
        return [
            Finding(
                .warning,
                backups.isEmpty
                    ? "“\(facts.name)” has never been backed up"
                    : "none of the \(backups.count) backups of “\(facts.name)” can be restored",
                ["backups": .integer(Int64(backups.count))], remedy: "kecsctl backup \(facts.name)")
        ]
    }
}
