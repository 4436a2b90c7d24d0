// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct FailingBackupCheck: InstanceCheck {
    let info = CheckInfo("backup.failing", .instance, .error, "the last backup succeeded")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let tries = facts.history.filter { $0.command == "backup" || $0.command.hasPrefix("backup ") }
            .compactMap { record in record.succeeded(for: facts.name).map { (record, $0) } }
        let failures = tries.reversed().prefix { !$0.1 }
        guard let last = failures.first else { return [] }
        let error = last.0.result(of: facts.name)?["error"]
        var evidence: [String: JSONValue] = [
            "failures": .integer(Int64(failures.count)),
            "since": .string("\(failures.last?.0.at ?? last.0.at)"),
            "status": .integer(Int64(last.0.status)),
        ]
        evidence["error"] = error?["message"]
        return [
            Finding(
                .error,
                "the last \(failures.count == 1 ? "backup" : "\(failures.count) backups") of “\(facts.name)” failed"
                    + (error?["message"]?.string.map { ": \($0)" } ?? ""),
                evidence, remedy: error?["remedy"]?.string ?? "kecsctl backup \(facts.name)")
        ]
    }
}
