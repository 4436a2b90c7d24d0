// SPDX-License-Identifier: Apache-2.0
import Kecs
import SystemPackage
import KecsSystem

struct InodeCheck: Check {
    let info = CheckInfo(
        "disk.inodes", .machine, .warning, "no file system has used more than 90 % of its inodes")

    func run(_ look: Look) throws -> [Finding] {
        let limit = try look.site.settings().number(.diskPercent).map(UInt64.init) ?? Thresholds.diskPercent
        return try DiskCheck.places(look).compactMap { path in
            let use = try look.surroundings.use(path)
            guard use.isOverInodes(percent: limit) else { return nil }
            return Finding(
                .warning, "the file system of \(path) has used \(use.inodePercentText) of its inodes",
                [
                    "path": .string(path.string), "used": .integer(Int64(clamping: use.usedInodes)),
                    "free": .integer(Int64(clamping: use.freeInodes)),
                ],
                remedy: "df -i \(ShellWords.quote([path.string]))")
        }
    }
}
