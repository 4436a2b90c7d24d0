// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsBackups
import KecsSystem

struct BackupsShowCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show what is in a backup: parts, databases and rows.")

    static let help = CommandHelp(
        ExitStatus.common.union([3, 10]),
        .init("kecsctl backups show latest", "the newest one of the only instance"),
        .init("kecsctl backups show dev/20261121 -o json", "by the beginning of its id, for a script"),
        .init("kecsctl backups show velero:latest", "the newest one that Velero made"))

    @Argument(
        help: "latest, a backup's id or a prefix of it, or INSTANCE/ID; velero:NAME for a backup of Velero.",
        completion: .custom(BackupCompletion.ids))
    var id: String

    @OptionGroup var instance: BackupInstanceOption
    @OptionGroup(title: "Backups of Velero") var velero: VeleroOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    var makesHome: Bool { velero.folder != nil }

    func validate() throws { try velero.validate(ids: [id]) }

    func run(_ session: Session) async throws -> Int32 {
        if let name = VeleroName(id) { return await session.showVeleroBackup(name, velero, instance) }
        var listing = BackupsListCommand.listing()
        listing.table = { items, _ in items.map(Self.text).joined(separator: "\n") }
        return await session.list(listing) {
            let choice = try session.backup(id, of: instance)
            return [BackupSummary(choice.backup, instance: choice.name.description)]
        }
    }

    private static func text(_ item: BackupSummary) -> String {
        var lines = [
            ("backup", item.id.description), ("instance", item.instance), ("path", item.path),
            ("taken", "\(item.createdAt), \(item.reason.rawValue)"),
            ("state", item.state == "complete" && item.verified ? "verified" : item.state),
            ("size", "\(ByteCount(item.bytes))"),
        ]
        if item.sequence > 0 { lines.append(("sequence", "\(item.sequence)")) }
        for lack in item.lacks { lines.append(("lacks", lack.sentence)) }
        if item.lacks.isEmpty, let problem = item.problem { lines.append(("problem", problem)) }
        if item.pinned { lines.append(("pinned", "yes: retention never removes it")) }
        if item.degraded { lines.append(("degraded", "yes: the instance was degraded when it was taken")) }
        lines += item.labels.sorted { $0.key < $1.key }.map { ("label", "\($0.key)=\($0.value)") }
        for part in item.parts {
            lines.append(
                (
                    "part",
                    "\(part.name): \(part.entries) entries, \(ByteCount(part.sourceBytes)) in \(part.file) of "
                        + "\(ByteCount(part.bytes))"
                        + (part.segments.map { ", \($0) segments" } ?? "")
                        + ", \(part.consistency.rawValue)"
                ))
            for database in part.databases {
                let rows = (database.tables ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
                lines.append(
                    (
                        "  database",
                        "\(database.path): \(database.engine.rawValue), \(ByteCount(database.bytes))"
                            + (rows.isEmpty ? "" : "; rows: " + rows.joined(separator: ", "))
                    ))
            }
            if let excluded = part.excluded { lines.append(("  left out", ExcludedText.long(excluded))) }
            lines += part.warnings.map { ("  warning", $0) }
        }
        return lines.map { title, text in
            title + ":" + String(repeating: " ", count: max(1, 12 - title.count)) + text.printable + "\n"
        }.joined()
    }
}
