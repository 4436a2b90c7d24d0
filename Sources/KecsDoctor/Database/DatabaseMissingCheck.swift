// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSystem
import SystemPackage

struct DatabaseMissingCheck: InstanceCheck {
    let info = CheckInfo("db.missing", .instance, .error, "the state that was backed up is still there")

    /// Compares with the newest good backup: every database with content in it must still be there.
    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard let backup = facts.newestGood, let manifest = backup.manifest else { return [] }
        let inventory = try facts.inventory.get()
        var lost: [String] = []
        for part in manifest.parts where part.root != .configuration {
            let now = inventory.parts.first { $0.part.name == part.name }
            if now == nil || now?.presence == .missing || now?.presence == .empty && part.sourceBytes > 0 {
                lost.append(part.name)
                continue
            }
            if case .unreadable? = now?.presence { continue }
            for database in part.databases where database.bytes > 0 {
                let isThere = inventory.databases.contains {
                    $0.part == part.name && printable($0.path) == database.path && $0.bytes > 0
                }
                if !isThere { lost.append("\(part.name)/\(database.path)") }
            }
        }
        guard let first = lost.first else { return [] }
        return [
            Finding(
                .error,
                "\(first) of “\(facts.name)”" + (lost.count > 1 ? " and \(lost.count - 1) more" : "")
                    + " is gone, and \(backup.id) holds it",
                ["lost": .array(lost.map { .string($0) }), "backup": .string(backup.id.description)],
                remedy: "kecsctl restore \(facts.name) --from \(backup.id)")
        ]
    }
}
