// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSQLite
import KecsSystem

struct IntegrityCheck: InstanceCheck {
    let info = CheckInfo("db.integrity", .instance, .error, "the database is sound")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let database = try facts.database.get()
        guard database.kind == .sqlite else { return [] }
        let problems = try database.read(look.cancellation) { try $0.integrityProblems(limit: 20) }
        guard let first = problems.first else { return [] }
        return [
            Finding(
                .error, "\(database.file) is damaged: \(first)",
                ["problems": .array(problems.map { .string($0) })],
                remedy: facts.newestGood.map { "kecsctl restore \(facts.name) --from \($0.id)" }
                    ?? "kecsctl db rescue \(facts.name)")
        ]
    }
}
