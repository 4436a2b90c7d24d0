// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import SystemPackage
import KecsSystem

struct BackupModeCheck: InstanceCheck {
    let info = CheckInfo(
        "perm.backups", .instance, .warning, "backups can be read by their owner only", fixable: true)

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let tree = try TreeFacts.of(facts.instance.backups.folder, cancellation: look.cancellation)
        let loose = tree.entries.filter { $0.status.kind != .symlink && $0.status.mode & 0o077 != 0 }
        guard let first = loose.first else { return [] }
        return [
            Finding(
                .warning,
                "others can read \(first.path)" + (loose.count > 1 ? " and \(loose.count - 1) more" : ""),
                ["mode": .string(octal(first.status.mode)), "entries": .integer(Int64(loose.count))],
                remedy: ShellWords.quote(["chmod", "go-rwx", first.path.string]),
                repairs: loose.map {
                    .mode(PathText($0.path), from: $0.status.mode, to: $0.status.mode & ~0o077)
                })
        ]
    }
}
