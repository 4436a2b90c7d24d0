// SPDX-License-Identifier: Apache-2.0
import Kecs

struct StateCheck: InstanceCheck {
    let info = CheckInfo(
        "state.unknown", .instance, .warning, "the runtime can tell whether the instance runs")

    func run(_ facts: InstanceFacts, _ look: Look) -> [Finding] {
        guard case .unknown(let why) = facts.state else { return [] }
        return [
            Finding(
                .warning, "cannot determine whether “\(facts.name)” is running: \(why)",
                remedy: "kecsctl status \(facts.name)")
        ]
    }
}
