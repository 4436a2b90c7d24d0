// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

struct DrillCheck: InstanceCheck {
    let info = CheckInfo(
        "drill.never", .instance, .info, "a restore was rehearsed within the setting drillAge, 35 days")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let drills = try PastDrills(facts.instance.backups)
        if let last = drills.last, !last.passed {
            return [
                Finding(
                    .warning, "the last drill of “\(facts.name)”, on \(last.at), failed",
                    ["last": .string("\(last.at)"), "evidence": .string(last.file.string)],
                    remedy: "kecsctl backup \(facts.name) && kecsctl backups drill \(facts.name)")
            ]
        }
        let last = [Self.lastDrill(facts), drills.lastPassed?.at].compactMap(\.self).max()
        let limit = try facts.instance.settings.duration(.drillAge)
        if let last, look.now.since(last) <= (limit ?? Thresholds.drillAge).duration { return [] }
        return [
            Finding(
                limit == nil ? .info : .warning,
                last.map { "the last rehearsal of a restore of “\(facts.name)” was on \($0)" }
                    ?? "a restore of “\(facts.name)” was never rehearsed",
                last.map { ["last": .string("\($0)")] } ?? [:],
                remedy: "kecsctl backups drill \(facts.name)")
        ]
    }

    /// Returns the time of the last successful restore, into a separate folder or in place.
    static func lastDrill(_ facts: InstanceFacts) -> Moment? {
        facts.history.last { $0.command == "restore" && $0.succeeded(for: facts.name) == true }?.at
    }
}
