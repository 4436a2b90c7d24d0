// SPDX-License-Identifier: Apache-2.0
import Kecs
import SystemPackage
import KecsSystem

struct StagingCheck: Check {
    let info = CheckInfo("files.staging", .machine, .info, "no killed run left a half-made instance")

    func run(_ look: Look) throws -> [Finding] {
        let folder = look.site.home.instances
        guard try folder.isFolder else { return [] }
        return try folder.entries().filter { $0.string.hasPrefix(".") && $0.string.hasSuffix(".creating") }
            .map {
                let path = folder.appending($0)
                return Finding(
                    .info, "\(path) was left by a start that was cut off", ["path": .string(path.string)],
                    remedy: "kecsctl list")
            }
    }
}
