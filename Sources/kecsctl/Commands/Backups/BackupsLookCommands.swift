// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsBackups
import KecsSystem

struct BackupsLsCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List the files in a backup or in a folder of it. Nothing is unpacked.",
        discussion: """
            The list comes from the archive's index; “backups verify” checks the content. An archive without an index \
            is read whole, and of a damaged one the list has what was read before the damage, with status 13. Of a backup of \
            Velero (velero:NAME) everything below the path is listed: its \
            objects, and the files of its tarball.
            """)

    static let help = CommandHelp(
        ExitStatus.common.union([10, 13]), .init("kecsctl backups ls latest", "the parts of the newest one"),
        .init("kecsctl backups ls dev/20261121 data", "what lies in the part “data”"),
        .init("kecsctl backups ls latest minio -R -o name", "all paths in the part “minio”"),
        .init("kecsctl backups ls velero:latest resources/secrets", "the secrets in Velero's newest backup"))

    @Argument(
        help: "latest, a backup's id or a prefix of it, or INSTANCE/ID; velero:NAME for a backup of Velero.",
        completion: .custom(BackupCompletion.ids))
    var id: String

    @Argument(
        help: "A part, or a file or folder in it: PART/PATH.", completion: .custom(BackupCompletion.parts))
    var path: String?

    @Flag(name: [.customShort("R"), .long], help: "List all levels.")
    var recursive = false

    @OptionGroup var instance: BackupInstanceOption
    @OptionGroup(title: "Backups of Velero") var velero: VeleroOptions
    @OptionGroup(title: "Keys of encrypted backups") var keys: KeyOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    var makesHome: Bool { velero.folder != nil }

    func validate() throws { try velero.validate(ids: [id]) }

    func run(_ session: Session) async throws -> Int32 {
        let session = try session.with(keys)
        if let name = VeleroName(id) { return await session.listVeleroFiles(name, path, velero, instance) }
        let place = try await session.looked(id, of: instance)
        defer { place.close() }
        let entries = Session.Entries(
            header: EntryText.header, line: EntryText.line, name: \.path, nothing: "it is empty")
        return await session.tell(entries, in: [place]) { place, each in
            try place.list(path, isDeep: recursive, each: each)
        }
    }
}

struct BackupsFindCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "find", abstract: "Find the backups that contain a file or folder.",
        discussion: """
            A pattern without a slash is compared with names, one with a slash with whole paths, PART/PATH. * and ? match a \
            slash, too. Of each backup the archives' indexes are read; of an archive without one, everything, once.
            """)

    static let help = CommandHelp(
        ExitStatus.instances.union([13]),
        .init("kecsctl backups find '*.db'", "in all backups of all instances"),
        .init("kecsctl backups find 'data/*/config.yaml' --instance dev --last 5", "in five of one instance"),
        .init("kecsctl backups find kecs.db -o name", "only the backups: INSTANCE/ID"))

    @Argument(help: "The name, or a quoted pattern.")
    var pattern: GlobArgument

    @Option(
        name: .customLong("instance"),
        help: ArgumentHelp("Only in the backups of this instance. May be given again.", valueName: "name"),
        completion: .custom(InstanceCompletion.names))
    var names: [String] = []

    @OptionGroup var filter: BackupFilterOptions
    @OptionGroup(title: "Keys of encrypted backups") var keys: KeyOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let session = try session.with(keys)
        let filter = filter.filter(at: session.machine.clock.now())
        let choices = try session.backupNames(InstanceSelection(names: names)).flatMap { text in
            let name = try InstanceName(checking: text)
            return try session.stored(name, filter).filter { $0.state != .incomplete }.map {
                (place: BackupPlace($0, of: name), name: name, backup: $0)
            }
        }
        let width = choices.map(\.place.argument.count).max() ?? 6
        let entries = Session.Entries(
            header: EntryText.left("BACKUP", width) + "       SIZE  MODIFIED              PATH\n",
            line: { entry in
                EntryText.left("\(entry.instance)/\(entry.id)", width) + "  " + EntryText.size(entry) + "  "
                    + EntryText.time(entry) + "  " + EntryText.path(entry) + "\n"
            },
            name: { "\($0.instance)/\($0.id)" }, nothing: "no backup has “\(pattern.pattern.printable)”")
        var read = ReadArchives()
        return await session.tell(entries, in: choices) { choice, each in
            let looked = try await LookIntoBackup(
                opening: choice.backup, of: choice.name, site: session.site)
            defer { looked.close() }
            try looked.find(Glob(pattern.pattern), read: &read, each: each)
        }
    }
}

struct BackupsCatCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "cat", abstract: "Write one file of a backup to standard output.",
        discussion: """
            The file is read and checked first, or in an archive without an index the whole part; nothing damaged is \
            written without --force. A database \
            is one complete file, without a write-ahead log. For a backup of Velero (velero:NAME), the path is one that \
            “backups ls” prints; logs, results … print NAME-logs.gz, NAME-results.gz … decompressed.
            """)

    static let help = CommandHelp(
        ExitStatus.common.union([10, 13]),
        .init("kecsctl backups cat latest data/kecs.db > kecs.db", "the database of the newest one"),
        .init("kecsctl backups cat dev/20261121 config/config.json", "its settings of then"),
        .init("kecsctl backups cat velero:latest logs", "what Velero logged while it made its newest one"))

    @Argument(
        help: "latest, a backup's id or a prefix of it, or INSTANCE/ID; velero:NAME for a backup of Velero.",
        completion: .custom(BackupCompletion.ids))
    var id: String

    @Argument(help: "The file: PART/PATH.", completion: .custom(BackupCompletion.parts))
    var path: String

    @OptionGroup var instance: BackupInstanceOption
    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Backups of Velero") var velero: VeleroOptions
    @OptionGroup(title: "Keys of encrypted backups") var keys: KeyOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    var hasForms: Bool { false }

    var makesHome: Bool { velero.folder != nil }

    func validate() throws { try velero.validate(ids: [id]) }

    func run(_ session: Session) async throws -> Int32 {
        let session = try session.with(keys)
        if let name = VeleroName(id) { return try session.catVeleroFile(name, path, velero, instance) }
        let place = try await session.looked(id, of: instance)
        defer { place.close() }
        let console = session.console
        var isFirst = true
        try place.read(path, damaged: force.force) { bytes in
            if isFirst, console.terminal.outputWidth != nil, !force.force, bytes.prefix(8192).contains(0) {
                throw Failure(
                    .usage, "“\(path)” is no text, and standard output is a terminal",
                    remedy: "kecsctl \(ShellWords.quote(session.words)) | xxd | less")
            }
            isFirst = false
            console.answer(bytes: Array(bytes))
            return console.takesMore
        }
        return 0
    }
}
