// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSystem
import SystemPackage

struct RemnantCheck: Check {
    let info = CheckInfo("files.remnants", .machine, .warning, "nothing is left that could not be removed")

    func run(_ look: Look) throws -> [Finding] {
        let home = look.site.home
        var places: [(FilePath, String?)] = [(home.instances, nil), (home.backups, nil)]
        for facts in look.all {
            places.append((facts.instance.folder.path, facts.name.description))
            places.append((facts.instance.folder.previous, facts.name.description))
            places.append((facts.instance.backups.folder, facts.name.description))
        }
        return try places.flatMap { place, instance in
            try Remnants(in: place).all().map { finding($0, instance) }
        }
    }

    private func finding(_ remnant: Remnants.Remnant, _ instance: String?) -> Finding {
        let owner = remnant.owner.map { JSONValue.integer(Int64($0)) } ?? .null
        let way = ShellWords.quote([remnant.path.string])
        return Finding(
            .warning, remnant.sentence,
            [
                "path": .string(remnant.stuck.string), "owner": owner,
                "attributes": .array(remnant.attributes.map { .string($0) }),
            ],
            remedy: remnant.attributes.isEmpty ? "sudo rm -rf \(way)" : "sudo chattr -R -i -a \(way)",
            instance: instance)
    }
}
