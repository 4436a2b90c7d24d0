// SPDX-License-Identifier: Apache-2.0
import Kecs
import SystemPackage
import KecsSystem

struct DataOwnerCheck: InstanceCheck {
    let info = CheckInfo(
        "perm.owner", .instance, .error, "the data belongs to the user that the server runs as", fixable: true
    )
    var user = Machine.userID
    var group = Machine.groupID

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard let expected = try ExpectedOwner.of(facts, user: user, group: group) else {
            throw CannotTell("the server's user is unknown")
        }
        let tree = try facts.tree.get()
        let wrong = tree.entries.filter { entry in
            // Root may read and write everyone's files, and a different group locks no owner out.
            entry.status.owner != expected.owner.user && expected.owner.user != 0
        }
        guard let first = wrong.first else { return [] }
        let found = Repair.Owner(first.status.owner, first.status.group)
        var evidence: [String: JSONValue] = [
            "path": .string(first.path.string), "expected": .string("\(expected.owner)"),
            "found": .string("\(found)"), "because": .string(expected.because),
            "entries": .integer(Int64(wrong.count)),
        ]
        if let meaning = ExpectedOwner.explain(found.user) { evidence["foundIs"] = .string(meaning) }
        if let meaning = ExpectedOwner.explain(expected.owner.user) {
            evidence["expectedIs"] = .string(meaning)
        }
        let repairs: [Repair] =
            user == 0
            ? wrong.filter {
                $0.status.kind != .symlink && ($0.status.kind == .folder || $0.status.links == 1)
            }
            .map {
                .owner(
                    PathText($0.path), from: Repair.Owner($0.status.owner, $0.status.group),
                    to: expected.owner)
            } : []
        return [
            Finding(
                .error,
                "the data of “\(facts.name)” belongs to \(found), expected \(expected.owner)"
                    + (wrong.count > 1 ? " (\(wrong.count) entries)" : ""),
                evidence,
                remedy: "sudo chown -R \(expected.owner) \(ShellWords.quote([tree.entries[0].path.string]))",
                repairs: repairs)
        ]
    }
}
