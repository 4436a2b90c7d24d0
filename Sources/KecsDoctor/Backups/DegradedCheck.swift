// SPDX-License-Identifier: Apache-2.0
import Kecs
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
                remedy: degraded.wayOut(facts.name))
        ]
    }
}
