// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSystem

struct ShrunkBackupCheck: InstanceCheck {
    let info = CheckInfo(
        "backup.shrunk", .instance, .warning, "the newest backup is not under half of the one before")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let good = try facts.backups.get().filter(\.isGood)
        guard good.count > 1, let newest = good[0].manifest else { return [] }
        // Only parts in both can be compared: a backup of one part is rightly smaller. Config files may well halve.
        for part in newest.parts where part.name != "config" {
            guard
                let before = good.dropFirst().lazy.compactMap({ backup in
                    backup.manifest?.parts.first { $0.name == part.name && $0.root == part.root }
                }).first, Self.hasShrunk(from: before.sourceBytes, to: part.sourceBytes)
            else { continue }
            return [
                Finding(
                    .warning,
                    "\(part.name) of “\(facts.name)” has shrunk from \(ByteCount(before.sourceBytes)) to "
                        + "\(ByteCount(part.sourceBytes)) in \(good[0].id)",
                    [
                        "before": .integer(before.sourceBytes), "bytes": .integer(part.sourceBytes),
                        "part": .string(part.name),
                    ],
                    remedy: "kecsctl backups diff \(good[1].id) \(good[0].id)")
            ]
        }
        return []
    }

    static func hasShrunk(from before: Int64, to now: Int64) -> Bool {
        now * Thresholds.shrunkFactor < before
    }
}
