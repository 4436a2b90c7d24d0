// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSystem

struct DatabaseKindCheck: InstanceCheck {
    let info = CheckInfo(
        "db.engine", .instance, .error, "the state database is one that can be backed up live")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let database = try facts.database.get()
        switch database.kind {
        case .sqlite, .missing: return []
        case .empty:
            return [
                Finding(
                    .error, "\(database.file) is empty, as “sqlite3 FILE < backup.sqlite” leaves it",
                    remedy: "kecsctl restore \(facts.name) --from latest")
            ]
        case .duckdb:
            return [
                Finding(
                    .info,
                    "\(database.file) is a DuckDB database: each backup pauses its server for a moment",
                    remedy: "kecsctl migrate status \(facts.name)")
            ]
        case .other where !database.sidecars.isEmpty && !wasSQLite(database, facts):
            return [
                Finding(
                    .info,
                    "\(database.file) is a database of an unknown engine, or encrypted: each backup pauses its server "
                        + "for a moment, and nothing here looks into it",
                    ["sidecars": .array(database.sidecars.map { .string($0) })],
                    remedy: "kecsctl inspect \(facts.name)")
            ]
        case .other:
            return [
                Finding(
                    .error,
                    "\(database.file) is no database: its first bytes are neither SQLite's nor DuckDB's",
                    remedy: "kecsctl restore \(facts.name) --from latest")
            ]
        }
    }

    /// Returns true when the newest good backup holds it as an SQLite database: then it was overwritten.
    private func wasSQLite(_ database: DatabaseFacts, _ facts: InstanceFacts) -> Bool {
        guard let found = facts.databases.first(where: { $0.facts.value?.file == database.file })?.database
        else {
            return false
        }
        return facts.newestGood?.manifest?.parts.contains { part in
            part.name == found.part
                && part.databases.contains { $0.path == printable(found.path) && $0.engine == .sqlite }
        } ?? false
    }
}
