// SPDX-License-Identifier: Apache-2.0
import KecsStorage

struct VersionCheck: InstanceCheck {
    let info = CheckInfo(
        "env.version-changed", .instance, .info, "the last backup was taken by this version of kecsctl")

    func run(_ facts: InstanceFacts, _ look: Look) -> [Finding] {
        guard let tool = facts.newestGood?.manifest?.tool, tool.version != look.site.tool.version else {
            return []
        }
        return [
            Finding(
                .info,
                "the last backup of “\(facts.name)” was taken by kecsctl \(tool.version), and this is "
                    + look.site.tool.version,
                ["backup": .string(tool.version), "now": .string(look.site.tool.version)],
                remedy: "kecsctl backup \(facts.name)")
        ]
    }
}
