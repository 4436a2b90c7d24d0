// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSystem

struct BackupRoomCheck: InstanceCheck {
    let info = CheckInfo(
        "disk.room-for-backup", .instance, .warning, "there is enough free space for the next backup")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let free = try look.site.machine.freeSpace(facts.instance.backups.folder)
        let source = try facts.tree.get().bytes
        let needed = ByteCount(Self.needed(source: source, last: facts.newestGood?.manifest))
        guard needed > free else { return [] }
        return [
            Finding(
                .warning,
                "\(free) are free for the next backup of “\(facts.name)”, and it may take \(needed)",
                ["freeBytes": .integer(free.bytes), "neededBytes": .integer(needed.bytes)],
                remedy: "kecsctl backups prune \(facts.name)")
        ]
    }

    /// Returns half as much again as the last backup's size, or the source's size when there is none.
    static func needed(source: Int64, last: Manifest?) -> Int64 {
        guard let last, last.bytes > 0 else { return source }
        return min(source, last.bytes.adding(last.bytes / 2)).adding(1 << 20)
    }
}
