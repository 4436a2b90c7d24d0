// SPDX-License-Identifier: Apache-2.0
import Kecs
import SystemPackage
import KecsSystem

struct ReadOnlyMountCheck: InstanceCheck {
    let info = CheckInfo("fs.read-only", .instance, .error, "the data's file system can be written")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let folder = try facts.data.get()
        guard let mount = try look.surroundings.mounts.get().mount(of: folder.resolved()), mount.isReadOnly
        else {
            return []
        }
        return [
            Finding(
                .error, "\(folder) is mounted read-only",
                ["mountPoint": .string(mount.point.string), "fileSystem": .string(mount.kind)],
                remedy: "findmnt -T \(ShellWords.quote([folder.string]))")
        ]
    }
}
