// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct JournalModeCheck: InstanceCheck {
    let info = CheckInfo(
        "sqlite.journal_mode", .instance, .info,
        "the database is in WAL mode, in which readers and the writer do not wait for each other",
        fixable: true)

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let database = try facts.database.get()
        guard database.kind == .sqlite, !database.usesWAL else { return [] }
        // The mode can only be changed while no process has the database open.
        let isClosed = !facts.state.mayWrite && database.sidecars.isEmpty
        return [
            Finding(
                .info, "\(database.file) is not in WAL mode", ["journalMode": .string("delete")],
                remedy: "sqlite3 \(database.file) 'PRAGMA journal_mode = wal'",
                repairs: isClosed
                    ? [.journalMode(PathText(database.file.resolved()), from: "delete", to: "wal")] : [])
        ]
    }
}
