// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct WriteAheadLogCheck: InstanceCheck {
    let info = CheckInfo("db.wal-size", .instance, .warning, "the write-ahead log has at most 64 MiB")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let database = try facts.database.get()
        guard Self.isTooLarge(database.walBytes) else { return [] }
        return [
            Finding(
                .warning,
                "the write-ahead log of \(database.file) has \(ByteCount(database.walBytes)): a reader that never ends "
                    + "keeps it from being emptied",
                ["bytes": .integer(database.walBytes), "limit": .integer(Thresholds.writeAheadLog)],
                remedy: "kecsctl db maintain \(facts.name)")
        ]
    }

    static func isTooLarge(_ bytes: Int64) -> Bool { bytes > Thresholds.writeAheadLog }
}
