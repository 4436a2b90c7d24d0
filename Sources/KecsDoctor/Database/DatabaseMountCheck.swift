// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

struct DatabaseMountCheck: InstanceCheck {
    let info = CheckInfo(
        "db.not-mounted", .instance, .error, "the server's database lies outside of its container")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let inventory = try facts.inventory.get()
        switch inventory.primary {
        case .inContainer(let path, let reason):
            let mounts = (inventory.mounts ?? []).map(\.inside.string).sorted()
            return [
                Finding(
                    .error,
                    "\(reason.sentence(about: path.string)), where nothing is mounted: the database goes with the container",
                    [
                        "path": .string(path.string), "because": .string(reason.name),
                        "mounts": .array(mounts.map { .string($0) }),
                    ],
                    remedy: "kecsctl inspect \(facts.name)")
            ]
        case .unknown(let why): throw CannotTell(why)
        case .found, .ambiguous, .missing, .none: return []
        }
    }
}
