// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

struct RemoteCheck: InstanceCheck {
    let info = CheckInfo("remote.none", .instance, .info, "a backup was copied to another file system")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        guard !Self.hasCopy(facts) else { return [] }
        return [
            Finding(
                .info,
                "no backup of “\(facts.name)” was ever exported or copied to another file system: they go with this one",
                remedy: RemoteCheck.remedy(facts.name))
        ]
    }

    /// By the remotes that hold a good copy, and by the exports that the history knows of: whoever wrote to another file
    /// system carried it away. Notes that cannot be read are no evidence.
    static func hasCopy(_ facts: InstanceFacts) -> Bool {
        if let past = try? PastCopies(facts.instance.backups),
            past.all.keys.contains(where: { past.newest(at: $0) != nil })
        {
            return true
        }
        return facts.history.contains { record in
            record.command == "backups export" && record.succeeded(for: facts.name) == true
                && record.result(of: facts.name)?["isOnAnotherFileSystem"] == .bool(true)
        }
    }

    static func remedy(_ name: InstanceName) -> String {
        "kecsctl backups export latest --instance \(name) --file /mnt/usb/\(name).tar"
    }
}
