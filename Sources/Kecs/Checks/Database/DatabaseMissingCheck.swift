// SPDX-License-Identifier: Apache-2.0
import SystemPackage
import KecsStorage

struct DatabaseMissingCheck: InstanceCheck {
    let info = CheckInfo("db.missing", .instance, .error, "the state that was backed up is still there")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let database = try facts.database.get()
        guard database.kind == .missing, let backup = facts.newestGood,
            backup.manifest?.parts.contains(where: { part in
                part.name == "data" && part.databases.contains { $0.path == InstanceFolder.databaseName }
            }) == true
        else { return [] }
        return [
            Finding(
                .error, "the state database of “\(facts.name)” is gone, and \(backup.id) holds one",
                ["path": .string(database.file.string), "backup": .string(backup.id.description)],
                remedy: "kecsctl restore \(facts.name) --from \(backup.id)")
        ]
    }
}
