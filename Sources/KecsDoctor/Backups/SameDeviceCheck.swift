// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import SystemPackage
import KecsSystem

struct SameDeviceCheck: InstanceCheck {
    let info = CheckInfo(
        "backup.same-device", .instance, .info, "the backups lie on another file system than the data")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let folder = try facts.data.get()
        guard let data = try FileStatus.of(folder.resolved()),
            let backups = try FileStatus.of(facts.instance.backups.folder.resolved()),
            data.device == backups.device
        else { return [] }
        return [
            Finding(
                .info, "the backups of “\(facts.name)” lie on the same file system as \(folder)",
                ["path": .string(facts.instance.backups.folder.string)],
                remedy: RemoteCheck.remedy(facts.name))
        ]
    }
}
