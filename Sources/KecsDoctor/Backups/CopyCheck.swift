// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct CopyCheck: InstanceCheck {
    let info = CheckInfo(
        "copy.overdue", .instance, .warning,
        "each remote of the setting copies has a good copy of a backup that is at most 26 hours old")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let remotes = try Remotes(site: look.site).ofSetting(facts.instance.settings)
        guard !remotes.isEmpty else { return [] }
        let past = try PastCopies(facts.instance.backups)
        return remotes.compactMap { remote in
            let age = past.age(at: remote.name, limit: Thresholds.backupAge, now: look.now)
            guard let overdue = age.overdue else { return nil }
            var evidence: [String: JSONValue] = ["remote": .string(remote.name)]
            evidence["backup"] = age.newest.map { .string("\($0)") }
            evidence["ageSeconds"] = age.ageSeconds.map { .integer($0) }
            return Finding(
                .warning, "“\(facts.name)”: \(overdue)", evidence,
                remedy: "kecsctl backups copy \(facts.name)/latest --to \(remote.name)")
        }
    }
}
