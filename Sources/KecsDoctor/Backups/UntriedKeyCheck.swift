// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSystem

/// A key that was lost or mistyped shows when it is needed, unless somebody decrypts a backup before.
struct UntriedKeyCheck: InstanceCheck {
    let info = CheckInfo(
        "backup.key", .instance, .info,
        "the newest good backup is not encrypted, or its key has decrypted one")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let backups = try facts.backups.get()
        guard let newest = backups.first(where: \.isGood), let key = Self.key(of: newest) else { return [] }
        let same = backups.filter { Self.key(of: $0) == key }
        // A drill decrypts, and so does a restore of one of these.
        if same.contains(where: { $0.mark.drill?.passed == true }) { return [] }
        let first = same.map(\.id.createdAt).min() ?? newest.id.createdAt
        if let restored = DrillCheck.lastDrill(facts), restored >= first { return [] }
        return [
            Finding(
                .info,
                "the backup “\(newest.id)” of “\(facts.name)” is encrypted, and its key was never tried",
                [
                    "encryption": .string(key.method),
                    "recipients": .array(key.recipients.map { .string($0) }),
                ],
                remedy: "kecsctl backups drill \(facts.name)")
        ]
    }

    private struct Key: Equatable {
        var method: String
        var recipients: [String]
    }

    private static func key(of backup: StoredBackup) -> Key? {
        guard let part = backup.manifest?.parts.first(where: { $0.encryption != nil }),
            let method = part.encryption
        else { return nil }
        return Key(method: method, recipients: part.recipients ?? [])
    }
}
