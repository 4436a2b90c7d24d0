// SPDX-License-Identifier: Apache-2.0
import Kecs

struct FrozenCheck: InstanceCheck {
    let info = CheckInfo("state.paused", .instance, .error, "nothing is left paused")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard facts.state == .paused, try Journal.read(facts.instance.folder.journal) == nil else {
            return []
        }
        return [
            Finding(
                .error, "“\(facts.name)” is paused, and no kecsctl is working on it",
                remedy: "kecsctl start \(facts.name)")
        ]
    }
}
