// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSQLite
import KecsState
import KecsSystem

struct SchemaVersionCheck: InstanceCheck {
    let info = CheckInfo(
        "db.schema-version", .instance, .error, "the database's schema is the one that this kecsctl knows")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        // The schema of another server is not checked.
        guard facts.holdsStateOfKECS else { return [] }
        let database = try facts.database.get()
        guard database.kind == .sqlite else { return [] }
        do {
            let status = try database.read(look.cancellation) { try UpstreamHistory.status(of: $0) }
            guard !status.plan.isUpToDate else { return [] }
            return [
                Finding(
                    .warning, "the schema of \(database.file) is older than this kecsctl",
                    ["userVersion": .integer(status.userVersion)],
                    remedy: "kecsctl migrate status \(facts.name)")
            ]
        } catch let problem as MigrationProblem where problem.kind == .newer {
            return [
                Finding(
                    .error, "\(database.file): \(problem.why)", remedy: "kecsctl migrate status \(facts.name)"
                )
            ]
        } catch let problem as MigrationProblem {
            throw CannotTell(problem.why)
        }
    }
}
