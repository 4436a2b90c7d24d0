// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem

struct DrillCheck: InstanceCheck {
    let info = CheckInfo("drill.never", .instance, .info, "a restore was rehearsed within 35 days")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let last = Self.lastDrill(facts)
        if let last, look.now.since(last) <= Thresholds.drillAge.duration { return [] }
        return [
            Finding(
                .info,
                last.map { "the last rehearsal of a restore of “\(facts.name)” was on \($0)" }
                    ?? "a restore of “\(facts.name)” was never rehearsed",
                last.map { ["last": .string("\($0)")] } ?? [:],
                remedy: "kecsctl backups drill \(facts.name)")
        ]
    }

    static func lastDrill(_ facts: InstanceFacts) -> Moment? {
        facts.history.last { record in
            record.command.hasSuffix("drill") && record.succeeded(for: facts.name) == true
        }?.at
    }
}
