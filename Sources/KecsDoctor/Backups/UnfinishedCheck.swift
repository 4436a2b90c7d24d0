// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct UnfinishedCheck: InstanceCheck {
    let info = CheckInfo("operation.unfinished", .instance, .error, "no operation was cut off")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard let journal = try Journal.read(facts.instance.folder.journal) else { return [] }
        if let holder = FileLock.holder(of: facts.instance.folder.lock), holder.process.isAlive {
            return [Finding(.info, "“\(holder.command)” has been running since \(journal.startedAt)")]
        }
        return [
            Finding(
                .error,
                "the \(journal.operation) of “\(facts.name)” that began on \(journal.startedAt) was cut off",
                ["operation": .string(journal.operation), "startedAt": .string("\(journal.startedAt)")],
                remedy: "kecsctl doctor \(facts.name) --fix")
        ]
    }
}
