// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsArchive
import KecsSystem
import KecsVelero

extension Session {
    /// Runs `backups show velero:NAME`: with the first errors that Velero noted, which are in no object of the cluster.
    func showVeleroBackup(
        _ name: VeleroName, _ options: VeleroOptions, _ instance: BackupInstanceOption
    ) async -> Int32 {
        var listing = Self.veleroBackups
        listing.table = { items, _ in items.map(Self.veleroText).joined(separator: "\n") }
        return await list(listing) {
            let choice = try veleroBackup(name, options, instance)
            let backup = try judge(choice.place, .sizes).one(choice.name)
            var summary = VeleroBackupSummary(backup, in: choice.place)
            do {
                summary.messages = Array(try reading(choice).results().errors.prefix(5))
            } catch let error where error is ObjectProblem || error is ArchiveError || error is JSONError {
                summary.remarks.append("what Velero noted cannot be read: \(error)")
            }
            return [summary]
        }
    }

    private static func veleroText(_ item: VeleroBackupSummary) -> String {
        var lines = [("backup", item.name)]
        if let instance = item.instance { lines.append(("instance", instance)) }
        lines += [
            ("folder", item.folder), ("bucket", item.bucket), ("verdict", item.judgement),
        ]
        lines += item.reasons.map { ("  because", $0) }
        lines += item.remarks.map { ("remark", $0) }
        lines.append(("phase", item.phase ?? "-"))
        if let moment = item.startedAt { lines.append(("started", "\(moment)")) }
        if let moment = item.completedAt { lines.append(("completed", "\(moment)")) }
        if let moment = item.expiresAt { lines.append(("expires", "\(moment)")) }
        lines.append(
            (
                "items",
                "\(item.items.map(String.init) ?? "-"), \(item.errors) errors, \(item.warnings) warnings"
            ))
        lines += (item.messages ?? []).map { ("  error", $0) }
        lines.append(("size", "\(ByteCount(item.bytes))"))
        for object in item.objects {
            let problem = object.problem.map { ": " + $0 } ?? ""
            lines.append(("  object", "\(object.name), \(ByteCount(object.bytes))\(problem)"))
        }
        return lines.map { title, text in
            title + ":" + String(repeating: " ", count: max(1, 12 - title.count)) + text.printable + "\n"
        }.joined()
    }
}
