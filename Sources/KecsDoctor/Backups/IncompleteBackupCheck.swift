// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import SystemPackage
import KecsSystem

struct IncompleteBackupCheck: InstanceCheck {
    let info = CheckInfo("backup.incomplete", .instance, .warning, "no killed run left half a backup")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let drafts = try facts.backups.get().filter { $0.state == .incomplete }
        guard let first = drafts.first else { return [] }
        // A backup that is being taken right now is a draft too.
        if FileLock.holder(of: facts.instance.folder.lock)?.process.isAlive == true { return [] }
        return [
            Finding(
                .warning, "a killed run left \(drafts.count) incomplete backups of “\(facts.name)”",
                ["path": .string(first.folder.string)], remedy: "kecsctl backup \(facts.name)")
        ]
    }
}
