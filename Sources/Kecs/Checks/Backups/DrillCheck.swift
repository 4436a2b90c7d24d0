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
                remedy: "kecsctl restore \(facts.name) --from latest --into \(Self.folder(facts.name))")
        ]
    }

    /// A restore that went well, into a folder beside or in earnest.
    static func lastDrill(_ facts: InstanceFacts) -> Moment? {
        facts.history.last { $0.command == "restore" && $0.succeeded(for: facts.name) == true }?.at
    }

    /// Where a rehearsal may go: not there yet, as a rule.
    static func folder(_ name: InstanceName) -> String { "/tmp/drill-\(name)" }
}
