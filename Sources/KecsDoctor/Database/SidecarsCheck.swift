// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSQLite
import SystemPackage
import KecsSystem

/// Finds the leftovers of a restore over a live database: sidecars of another database, which are replayed into this
/// one. Also finds those of a killed writer: programs that may only read fail until its transaction is rolled back.
struct SidecarsCheck: InstanceCheck {
    let info = CheckInfo(
        "db.sidecars", .instance, .warning,
        "no sidecar of another database, and no transaction of a killed writer, lies beside the database")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let database = try facts.database.get()
        let foreign: [String] =
            switch database.kind {
            case .missing, .empty: database.sidecars
            case .sqlite: database.sidecars.filter { $0 == ".wal" }
            case .duckdb: database.sidecars.filter { $0 != ".wal" }
            case .other: []
            }
        if !foreign.isEmpty {
            return [
                Finding(
                    .warning,
                    "\(foreign.map { database.file.string + $0 }.joined(separator: ", ")) cannot belong to the database",
                    ["sidecars": .array(foreign.map { .string($0) })],
                    remedy: "kecsctl restore \(facts.name) --from latest")
            ]
        }
        if database.kind == .sqlite, database.sidecars.contains("-journal"),
            try holdsCutOffTransaction(database.file)
        {
            return [
                Finding(
                    .warning,
                    "\(database.file)-journal holds a transaction in which its writer was killed: the next one that "
                        + "writes takes it back",
                    ["sidecars": ["-journal"]], remedy: "kecsctl db maintain \(facts.name)")
            ]
        }
        // A WAL that is older than a replaced database belongs to the previous one.
        guard database.kind == .sqlite, !database.usesWAL, database.walBytes > 0,
            database.sidecars.contains("-wal")
        else { return [] }
        return [
            Finding(
                .warning,
                "\(database.file)-wal lies beside a database that does not use one: it may be replayed into it",
                ["bytes": .integer(database.walBytes)], remedy: "kecsctl restore \(facts.name) --from latest")
        ]
    }
}
