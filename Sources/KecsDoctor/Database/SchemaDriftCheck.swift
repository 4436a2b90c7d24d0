// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSQLite
import KecsState
import KecsSystem

struct SchemaDriftCheck: InstanceCheck {
    let info = CheckInfo("db.schema-drift", .instance, .warning, "the schema was not changed by hand")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        // The schema of another server is not checked.
        guard facts.holdsStateOfKECS else { return [] }
        let database = try facts.database.get()
        guard database.kind == .sqlite else { return [] }
        let drift: [String]
        do {
            drift = try database.read(look.cancellation) { try UpstreamHistory.status(of: $0).drift }
        } catch let problem as MigrationProblem {
            throw CannotTell(problem.why)
        }
        guard let first = drift.first else { return [] }
        return [
            Finding(
                .warning, "the schema of \(database.file) is not as its version says: \(first)",
                ["differences": .array(drift.map { .string($0) })],
                remedy: "kecsctl migrate status \(facts.name)")
        ]
    }
}
