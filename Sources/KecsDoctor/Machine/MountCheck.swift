// SPDX-License-Identifier: Apache-2.0
import Kecs
import SystemPackage
import KecsSystem

struct MountCheck: InstanceCheck {
    let info = CheckInfo(
        "persistence.not-a-mount", .instance, .error, "in container mode the data lies on a mount of its own")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard try facts.instance.settings.flag(.containerMode) else { return [] }
        let folder = try facts.data.get()
        let mount = try look.surroundings.mounts.get().mount(of: folder.resolved())
        guard mount == nil || mount?.point == "/" || mount?.kind == "overlay" else { return [] }
        return [
            Finding(
                .error,
                "\(folder) lies in the container itself: what “\(facts.name)” writes goes when the container is removed",
                [
                    "path": .string(folder.string), "mountPoint": .string(mount?.point.string ?? "none"),
                    "fileSystem": .string(mount?.kind ?? "unknown"),
                ],
                remedy: "kecsctl render compose \(facts.name)")
        ]
    }
}
