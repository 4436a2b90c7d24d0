// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsBackups
import Logging

struct BackupsVerifyCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Verify backups: read every byte and compare it with the manifest.")

    static let help = CommandHelp(
        ExitStatus.common.union([3, 10, 11, 13, 14]),
        .init("kecsctl backups verify latest", "the newest one of the only instance"),
        .init("kecsctl backups verify --all --quiet", "for cron: nothing is printed when all are good"),
        .init("kecsctl backups verify --all --remote offsite", "every byte of every copy there"),
        .init("kecsctl backups verify --velero --all", "those of Velero: every block of every object"))

    @Argument(
        help: "latest, a backup's id or a prefix of it, or INSTANCE/ID; velero:NAME for a backup of Velero.",
        completion: .custom(BackupCompletion.ids))
    var ids: [String] = []

    @Flag(
        name: [.customShort("A"), .customLong("all")],
        help: "Verify all backups, or with --instance all of that instance.")
    var isAll = false

    @Flag(help: "Compare only manifests, checksum files and sizes.")
    var quick = false

    @Flag(name: .customLong("velero"), help: "With --all: the backups of Velero (implied by --folder).")
    var isVelero = false

    @Option(
        help: ArgumentHelp(
            "Verify the copies on this remote: read every byte from there and compare it with the sums there.",
            valueName: "name"))
    var remote: String?

    @OptionGroup var instance: BackupInstanceOption
    @OptionGroup(title: "Backups of Velero") var velero: VeleroOptions
    @OptionGroup(title: "Keys of encrypted backups") var keys: KeyOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func validate() throws {
        if remote != nil, quick || isVelero || velero.folder != nil {
            throw ValidationError("--remote reads every byte of kecsctl's own copies")
        }
        guard ids.isEmpty == isAll else { throw ValidationError("either ids or --all are needed") }
        if isAll {
            if velero.bucket != nil, !isVelero, velero.folder == nil {
                throw ValidationError("--bucket needs --velero or --folder")
            }
        } else {
            if remote == nil { try velero.validate(ids: ids) }
            if isVelero { throw ValidationError("--velero needs --all; a single one is velero:NAME") }
        }
    }

    var makesHome: Bool { velero.folder != nil }

    func run(_ session: Session) async throws -> Int32 {
        let session = try session.with(keys)
        if isAll, isVelero || velero.folder != nil {
            return try await session.verifyAllVeleroBackups(velero, instance, quick: quick)
        }
        let ofVelero = ids.compactMap { VeleroName($0) }
        if !ofVelero.isEmpty {
            return try await session.verifyVeleroBackups(ofVelero, velero, instance, quick: quick)
        }
        let listing = Session.Listing<VerifyItem>(
            kind: "VerifyReport", table: { Self.table($0).text(width: $1) }, name: \.id.description,
            nothing: "there is no backup to verify",
            status: { $0.isGood || $0.result == "incomplete" ? 0 : Failure.Kind.damaged.rawValue })
        if let remote { return try await verify(on: remote, listing, session) }
        let keep = KeepBackups(site: session.site)
        let choices = try isAll ? all(session) : ids.map { try session.backup($0, of: instance) }
        return await session.list(listing, over: choices) { choice in
            let item = try await keep.verify(choice.backup, of: choice.name, depth: quick ? .quick : .full)
            if let why = item.unnoted {
                session.console.note(
                    .warning,
                    "the result for the backup “\(item.id)” of “\(item.instance)” could not be noted: \(why)")
            }
            if !item.isGood, item.result != "incomplete" {
                session.console.fail(
                    Self.failure(item, "kecsctl backup \(item.instance)"), instance: item.instance)
            }
            return [item]
        }
    }

    private static func failure(_ item: VerifyItem, _ remedy: String) -> Failure {
        Failure(
            .damaged,
            "the backup “\(item.id)” of “\(item.instance)” "
                + (item.remote.map { "on the remote “\($0)” " } ?? "") + "is \(item.result)",
            cause: [item.file, item.why].compactMap(\.self).joined(separator: ": "), remedy: remedy)
    }

    private func verify(
        on name: String, _ listing: Session.Listing<VerifyItem>, _ session: Session
    ) async throws -> Int32 {
        let remote = try Remotes(site: session.site).find(name)
        let list = ListRemoteBackups(site: session.site)
        var backups: [RemoteBackup] = []
        if isAll {
            backups = try await list.run(remote, of: instance.name.map { try InstanceName(checking: $0) })
        } else {
            for text in ids { backups.append(try await chosen(text, list, remote, session)) }
        }
        return await session.list(listing, over: backups) { backup in
            let item = try await VerifyRemote(site: session.site).run(
                backup, on: remote, command: "kecsctl \(session.command)")
            if !item.isGood, item.result != "incomplete" {
                let copy = "kecsctl backups copy \(item.instance)/\(item.id) --to \(remote.name)"
                session.console.fail(Self.failure(item, copy), instance: item.instance)
            }
            return [item]
        }
    }

    private func chosen(
        _ text: String, _ list: ListRemoteBackups, _ remote: Remote, _ session: Session
    ) async throws -> RemoteBackup {
        let halves = text.split(separator: "/", maxSplits: 1).map(String.init)
        let name: InstanceName
        if let given = instance.name ?? (halves.count == 2 ? halves[0] : nil) {
            name = try InstanceName(checking: given)
        } else {
            let names = Set(try await list.run(remote, of: nil).map(\.instance)).sorted()
            name = try session.one(InstanceSelection(), unnamed: .theOnlyOne, existing: names)
        }
        return try await list.find(halves.last ?? text, of: name, on: remote)
    }

    private func all(_ session: Session) throws -> [BackupChoice] {
        let names = try instance.name.map { [try InstanceName(checking: $0)] } ?? session.namesWithBackups()
        return try names.flatMap { name in
            try session.site.home.backupStore(of: name).all().map { BackupChoice(name: name, backup: $0) }
        }
    }

    private static func table(_ items: [VerifyItem]) -> Table {
        Table(
            header: ["INSTANCE", "ID", "RESULT", "FILE", "WHY"],
            rows: items.map { [$0.instance, $0.id.description, $0.result, $0.file, $0.why] })
    }
}
