// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSQLite
import KecsSystem

struct FreePagesCheck: InstanceCheck {
    let info = CheckInfo("db.free-pages", .instance, .info, "no great part of the database is empty")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let database = try facts.database.get()
        guard database.kind == .sqlite else { return [] }
        let (free, all, size) = try database.read(look.cancellation) { connection in
            (
                try connection.value("PRAGMA freelist_count")?.integer ?? 0,
                try connection.value("PRAGMA page_count")?.integer ?? 0,
                try connection.value("PRAGMA page_size")?.integer ?? 0
            )
        }
        guard Self.isWasteful(free: free, of: all, pageSize: size) else { return [] }
        return [
            Finding(
                .info, "\(ByteCount(free * size)) of \(database.file) are free pages",
                ["freePages": .integer(free), "pages": .integer(all), "pageSize": .integer(size)],
                remedy: "kecsctl db maintain \(facts.name)")
        ]
    }

    static func isWasteful(free: Int64, of all: Int64, pageSize: Int64) -> Bool {
        free * Thresholds.freePagesQuotient > all && free * pageSize > Thresholds.freeBytes
    }
}
