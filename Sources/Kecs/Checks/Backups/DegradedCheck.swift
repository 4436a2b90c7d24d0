// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem

struct DegradedCheck: InstanceCheck {
    let info = CheckInfo(
        "instance.degraded", .instance, .error, "the last start could restore and recover the state")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard let degraded = facts.instance.config.degraded else { return [] }
        return [
            Finding(
                .error, "“\(facts.name)” is degraded since \(degraded.since): \(degraded.why)",
                ["since": .string("\(degraded.since)"), "why": .string(degraded.why)],
                remedy: degraded.isAcceptable == true
                    ? "kecsctl start \(facts.name) --accept" : "kecsctl restore \(facts.name) --from latest")
        ]
    }
}
