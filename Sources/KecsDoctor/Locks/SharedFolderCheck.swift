// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

struct SharedFolderCheck: Check {
    let info = CheckInfo("instance.shared-folder", .machine, .error, "no two instances use one data folder")

    func run(_ look: Look) throws -> [Finding] {
        var owners: [[UInt64]: InstanceName] = [:]
        var findings: [Finding] = []
        for facts in look.all {
            var isShared = false
            for folder in facts.roots.isEmpty ? [facts.data.value].compactMap(\.self) : facts.roots {
                guard let status = try FileStatus.of(folder.resolved()) else { continue }
                let key = [status.device, status.inode]
                if let other = owners[key], other != facts.name {
                    isShared = true
                    findings.append(
                        Finding(
                            .error, "“\(facts.name)” and “\(other)” both use \(folder)",
                            ["path": .string(folder.resolved().string), "other": .string(other.description)],
                            remedy: "kecsctl start \(facts.name) --data-dir \(facts.instance.folder.data)",
                            instance: facts.name.description))
                } else {
                    owners[key] = facts.name
                }
            }
            guard !isShared, let folder = facts.data.value,
                let collision = try look.site.collision(
                    ofDataFolder: folder, withFoldersOfKecsctlFor: facts.name)
            else { continue }
            findings.append(
                Finding(
                    .error, "the data folder \(folder) of “\(facts.name)” \(collision.clause)",
                    ["path": .string(folder.string), "place": .string(collision.place.string)],
                    remedy: "kecsctl backup \(facts.name)", instance: facts.name.description))
        }
        return findings
    }
}
