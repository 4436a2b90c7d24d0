// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

struct SecretsCheck: InstanceCheck {
    let info = CheckInfo(
        "perm.secrets", .instance, .error, "credentials can be read by their owner only", fixable: true)

    /// Returns true for names that usually hold secrets.
    static func isSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        return name == "credentials" || name == ".env" || name.hasPrefix(".env.") || name == "token"
            || name == "passphrase" || name.hasSuffix(".key") || name.hasSuffix(".pem") || name == "id_rsa"
            || name == ".netrc" || name == "rclone.conf"
    }

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        var entries = try TreeFacts.of(facts.instance.folder.path, cancellation: look.cancellation).entries
        entries += try facts.tree.get().entries
        var seen: Set<FilePath> = []
        let loose = entries.filter { entry in
            entry.status.kind == .file && Self.isSecret(entry.path.lastComponent?.string ?? "")
                && entry.status.mode & 0o077 != 0 && seen.insert(entry.path).inserted
        }
        return loose.map { entry in
            let repair = Repair.mode(
                PathText(entry.path), from: entry.status.mode, to: entry.status.mode & ~0o077)
            return Finding(
                .error, "others can read the secret \(entry.path)",
                ["mode": .string(octal(entry.status.mode))],
                remedy: repair.commandLine, repairs: [repair])
        }
    }
}
