// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSystem

struct VersionCheck: InstanceCheck {
    let info = CheckInfo(
        "env.version-changed", .instance, .info,
        "kecsctl and the programs that run the instance are those of its last backup")

    func run(_ facts: InstanceFacts, _ look: Look) async throws -> [Finding] {
        guard let manifest = facts.newestGood?.manifest else { return [] }
        var changes: [(name: String, then: String, now: String)] = []
        if manifest.tool.version != look.site.tool.version {
            changes.append(("kecsctl", manifest.tool.version, look.site.tool.version))
        }
        let then = manifest.runtime.versions
        // A program that cannot be asked now has its own finding, and an older kecsctl recorded nothing.
        if !then.isEmpty, !facts.state.isUnknown,
            manifest.runtime.kind == facts.instance.config.runtime.rawValue
        {
            let now = try await look.site.runtime(facts.instance).versions()
            changes += then.sorted { $0.key < $1.key }.compactMap { name, version in
                now[name].flatMap { $0 == version ? nil : (name, version, $0) }
            }
        }
        guard !changes.isEmpty else { return [] }
        return [
            Finding(
                .info,
                "since the last backup of “\(facts.name)” versions have changed: "
                    + changes.map { "\($0.name) \($0.then) is \($0.now) now" }.joined(separator: ", "),
                Dictionary(
                    uniqueKeysWithValues: changes.map {
                        ($0.name, ["backup": .string($0.then), "now": .string($0.now)])
                    }),
                remedy: "kecsctl backup \(facts.name)")
        ]
    }
}
