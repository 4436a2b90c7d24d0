// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

struct BackupsDiffCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show which files and rows differ between two backups, or between a backup and now.",
        discussion: """
            Files are compared by kind, content, mode, owner and time, databases by their rows. Extended attributes and \
            ACLs are not compared.
            """)

    static let help = CommandHelp(
        ExitStatus.common.union([10, 13]),
        .init("kecsctl backups diff latest", "what changed since the newest backup"),
        .init("kecsctl backups diff dev/20261120 dev/20261121", "from one backup to another"),
        .init(
            "kecsctl backups diff velero:stop-dev-20261120 velero:latest",
            "from one of Velero to its newest one"))

    @Argument(
        help:
            "The earlier backup: latest, an id or a prefix of it, or INSTANCE/ID; velero:NAME for a backup of Velero."
    )
    var id: String

    @Argument(help: "The later backup (default: the instance as it is now).")
    var other: String?

    @OptionGroup var instance: BackupInstanceOption
    @OptionGroup(title: "Backups of Velero") var velero: VeleroOptions
    @OptionGroup(title: "Keys of encrypted backups") var keys: KeyOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    var makesHome: Bool { velero.folder != nil }

    func validate() throws {
        try velero.validate(ids: [id] + [other].compactMap(\.self))
        if VeleroName(id) != nil, other == nil {
            throw ValidationError("a backup of Velero is compared with another one: name both")
        }
    }

    func run(_ session: Session) async throws -> Int32 {
        let session = try session.with(keys)
        if let first = VeleroName(id), let second = other.flatMap({ VeleroName($0) }) {
            return await session.diffVeleroBackups(first, second, velero, instance)
        }
        let listing = Session.Listing<Difference.Part>(
            kind: "DifferenceReport", table: { DifferenceTable.text($0, width: $1) }, name: \.name,
            nothing: "nothing differs")
        return await session.list(listing) {
            let choice = try session.backup(id, of: instance)
            let later = try other.map { try session.backup($0, of: instance) }
            if let later, later.name != choice.name {
                throw Failure(.usage, "backups of two instances are not compared")
            }
            let difference = try await CompareStates(site: session.site).run(
                try session.site.instance(choice.name), choice.backup, later?.backup)
            return difference.isEmpty ? [] : difference.parts
        }
    }
}

/// A row for each file and each table that differs.
enum DifferenceTable {
    static func text(_ parts: [Difference.Part], width: Int?) -> String {
        Table.text(["PART", "WHAT", "CHANGE", "BEFORE", "AFTER"], [3, 4], width: width) { add in
            for part in parts {
                for table in part.tables {
                    add([
                        part.name, "\(table.database): \(table.table)", table.change,
                        table.rowsBefore.map(String.init), table.rowsAfter.map(String.init),
                    ])
                }
                for file in part.files {
                    add([
                        part.name, file.path.isEmpty ? "." : file.path, file.change,
                        file.bytesBefore.map { "\(ByteCount($0))" },
                        file.bytesAfter.map { "\(ByteCount($0))" },
                    ])
                }
            }
        }
    }
}
