// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct UnreadableDataCheck: InstanceCheck {
    let info = CheckInfo(
        "perm.unreadable", .instance, .error, "everything in the data folder can be read for a backup")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let tree = try facts.tree.get()
        guard let first = tree.unreadable.first else { return [] }
        return [
            Finding(
                .error, "a backup of “\(facts.name)” cannot read everything: \(first)",
                ["folders": .integer(Int64(tree.unreadable.count))],
                remedy: "sudo kecsctl backup \(facts.name) --home \(look.site.home.path)")
        ]
    }
}
