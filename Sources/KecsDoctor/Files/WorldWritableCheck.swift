// SPDX-License-Identifier: Apache-2.0
import Kecs
import SystemPackage
import KecsSystem

struct WorldWritableCheck: InstanceCheck {
    let info = CheckInfo(
        "perm.world-writable", .instance, .error, "no file of the instance can be written by everybody",
        fixable: true)

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        var entries = try TreeFacts.of(facts.instance.folder.path, cancellation: look.cancellation).entries
        let known = Set(entries.map(\.path))
        entries += try facts.tree.get().entries.filter { !known.contains($0.path) }
        let wrong = entries.filter {
            $0.status.kind != .symlink && $0.status.kind != .socket && $0.status.mode & 0o002 != 0
        }
        guard let first = wrong.first else { return [] }
        let repairs = wrong.map {
            Repair.mode(PathText($0.path), from: $0.status.mode, to: $0.status.mode & ~0o002)
        }
        return [
            Finding(
                .error,
                "everybody can write \(first.path)" + (wrong.count > 1 ? " and \(wrong.count - 1) more" : ""),
                [
                    "path": .string(first.path.string), "mode": .string(octal(first.status.mode)),
                    "entries": .integer(Int64(wrong.count)),
                ],
                remedy: ShellWords.quote(["chmod", "o-w", first.path.string]), repairs: repairs)
        ]
    }
}
