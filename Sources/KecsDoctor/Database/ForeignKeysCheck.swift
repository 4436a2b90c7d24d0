// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSQLite
import KecsSystem

struct ForeignKeysCheck: InstanceCheck {
    let info = CheckInfo("db.foreign-keys", .instance, .warning, "every row refers to an existing row")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let database = try facts.database.get()
        guard database.kind == .sqlite else { return [] }
        let violations: [ForeignKeyViolation]
        do {
            violations = try database.read(look.cancellation) { try $0.foreignKeyViolations() }
        } catch let error as SQLiteError where error.isCorrupt {
            throw CannotTell("the database is damaged, see db.integrity")
        }
        guard let first = violations.first else { return [] }
        return [
            Finding(
                .warning,
                "\(violations.count) rows of \(database.file) refer to rows that are not there, first in "
                    + "\(first.table) (to \(first.parent))",
                [
                    "rows": .integer(Int64(violations.count)), "table": .string(first.table),
                    "parent": .string(first.parent),
                ],
                remedy: "kecsctl db check \(facts.name)")
        ]
    }
}
