// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// Reports one finding for each file system, not for each folder.
struct DiskCheck: Check {
    let info = CheckInfo(
        "disk.used", .machine, .warning, "no file system with data or backups is more than 90 % full")

    func run(_ look: Look) throws -> [Finding] {
        let limit = try look.site.settings().number(.diskPercent).map(UInt64.init) ?? Thresholds.diskPercent
        return try Self.places(look).compactMap { path in
            let use = try look.surroundings.use(path)
            guard use.isOver(percent: limit) else { return nil }
            return Finding(
                .warning, "the file system of \(path) is \(use.percentText) full",
                [
                    "path": .string(path.string),
                    "usedBytes": .integer(Int64(clamping: use.used &* use.unit)),
                    "freeBytes": .integer(Int64(clamping: use.free &* use.unit)),
                ],
                remedy: "kecsctl backups prune --all --dry-run")
        }
    }

    /// Returns a path on each file system that matters.
    static func places(_ look: Look) throws -> [FilePath] {
        var devices: Set<UInt64> = []
        let home = look.site.home
        let paths = [home.path, home.backups] + look.all.flatMap(\.roots)
        return try paths.map { $0.resolved() }.filter { path in
            guard let status = try FileStatus.of(path) else { return false }
            return devices.insert(status.device).inserted
        }
    }
}
