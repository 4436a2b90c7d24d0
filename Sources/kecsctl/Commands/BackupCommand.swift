// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsArchive
import KecsBackups
import KecsSystem

struct BackupCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Back up running instances. Every backup is verified by reading it back.")

    static let help = CommandHelp(
        ExitStatus.changes.union([14]),
        .init("kecsctl backup dev", "back up “dev”"),
        .init("kecsctl backup --all --quiet --keep 14", "for cron: all of them, the newest 14 are kept"),
        .init("kecsctl backup dev --copy-to offsite", "and a copy, read back from there and compared"),
        .init("kecsctl backup dev --part data --label ticket=KX-12", "one part, with a label"),
        .init("kecsctl backup dev --accept-loss data/old.db", "a database that was removed on purpose"),
        .init(
            "kecsctl backup dev --encrypt gpg --passphrase-file /etc/kecs.key", "encrypted with a passphrase"),
        .init("kecsctl backup dev --exclude '*.tmp' --exclude data:/cache/", "without what can be made again")
    )

    @OptionGroup var instances: InstanceArguments

    @Option(
        name: .customLong("part"),
        help: ArgumentHelp("Only this part. May be given again, or as data,minio.", valueName: "name"),
        completion: .custom(BackupCompletion.parts))
    var parts: [NamesArgument] = []

    @Option(help: "How far writes are held off: auto, live, frozen or stopped.")
    var consistency: ConsistencyChoice?

    @Option(help: ArgumentHelp("The maximum pause of a frozen instance.", valueName: "10s"))
    var maxPause: TimeSpan?

    @Option(
        name: .customLong("label"),
        help: ArgumentHelp("A label of the backup. May be given again.", valueName: "key=value"))
    var labels: [LabelArgument] = []

    @Option(
        name: .customLong("accept-loss"),
        help: ArgumentHelp(
            "Accept the loss of this part or database: the backup counts as good without it. May be given again.",
            valueName: "part[/database]"))
    var acceptedLosses: [String] = []

    @Option(
        help: ArgumentHelp(
            "Leave out what this matches, in gitignore's syntax, below every part, or below one: data:/cache/. May be "
                + "given again; added to the setting “exclude”.",
            valueName: "pattern"))
    var exclude: [String] = []

    @Flag(help: "Leave out the content of folders tagged by CACHEDIR.TAG.")
    var excludeCaches = false

    @Flag(help: "Exit with 3 when a database or a part is suddenly empty or a tenth of its size.")
    var strict = false

    @Option(help: "fast, small or none.")
    var compression: Compression?

    @Option(help: "Encrypt the archives: gpg, age or none.")
    var encrypt: EncryptionChoice?

    @Option(
        name: .customLong("recipient"),
        help: ArgumentHelp(
            "Encrypt for this key. May be given again. Without one gpg takes a passphrase.", valueName: "key")
    )
    var recipients: [String] = []

    @Flag(
        name: .customLong("encrypt-manifest"),
        help: "Encrypt what the manifest says of files, too: names, databases, rows.")
    var encryptManifest = false

    @OptionGroup var keys: KeyOptions

    @Flag(
        help:
            "Mark the backup as scheduled: its id ends in “schedule”. For crontabs and timers."
    )
    var scheduled = false

    @Option(
        name: .customLong("copy-to"),
        help: ArgumentHelp(
            "Copy the backup to this remote (default: those of the setting copies). May be given again.",
            valueName: "remote"))
    var copyTo: [NamesArgument] = []

    @OptionGroup(title: "Retention") var retention: RetentionOptions

    @Flag(help: "Keep a link “latest” beside the backups that leads to the newest good one.")
    var latestLink = false

    @Flag(
        help:
            "Save the images of the containers beside the backups, each once. A start or restore loads those that docker lacks."
    )
    var withImages = false

    @Flag(name: .customLong("no-prune"), help: "Do not remove old backups afterwards.")
    var noPrune = false

    @OptionGroup var force: ForceOption
    @OptionGroup(title: "Options of commands that change something") var change: ChangeOptions
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    enum ConsistencyChoice: String, CaseIterable, ExpressibleByArgument, Sendable {
        case auto, live, frozen, stopped
    }

    enum EncryptionChoice: String, CaseIterable, ExpressibleByArgument, Sendable {
        case gpg, age, none
    }

    func run(_ session: Session) async throws -> Int32 {
        let session = try session.with(keys)
        var flags = retention.settings
        flags[.consistency] = consistency?.rawValue
        flags[.maxPause] = maxPause?.description
        flags[.compression] = compression?.rawValue
        flags[.encrypt] = encrypt?.rawValue
        if !recipients.isEmpty { flags[.recipients] = recipients.joined(separator: ",") }
        if encryptManifest { flags[.encryptManifest] = "true" }
        if latestLink { flags[.latestLink] = "true" }
        if withImages { flags[.withImages] = "true" }
        if excludeCaches { flags[.excludeCaches] = "true" }
        let request = BackupRequest(
            reason: scheduled ? .schedule : .manual,
            parts: parts.isEmpty ? nil : parts.flatMap(\.names),
            labels: Dictionary(labels.map { ($0.key, $0.value) }) { $1 }, acceptedLosses: acceptedLosses,
            exclude: exclude, prune: !noPrune, force: force.force, strict: strict,
            dryRun: change.dryRun)
        return await session.operate(
            on: instances.selection, unnamed: .theOnlyOne, changes: !change.dryRun, Self.telling.hooked
        ) { name in
            let remotes = try remotes(session, name)
            var done = try await session.locked(name, change, flags: flags) { instance in
                try await session.hooked(.backup, of: name, change) {
                    try await TakeBackup(site: session.site).run(instance, request)
                }
            }
            if !change.dryRun {
                await session.notify(oddBackup: done.report, name.description)
                await copy(&done.report, of: name, to: remotes, session)
            }
            return done
        }
    }

    /// A name that was typed and means nothing is told before the work. One of the setting keeps nobody from the backup.
    private func remotes(_ session: Session, _ name: InstanceName) throws -> [String] {
        guard copyTo.isEmpty else {
            return try copyTo.flatMap(\.names).map { try Remotes(site: session.site).find($0).name }
        }
        guard try session.site.instanceNames().contains(name) else { return [] }
        return try Remotes.names(session.site.instance(name).settings)
    }

    /// After the lock: an upload may take hours, and keeps nobody from the instance.
    private func copy(
        _ report: inout BackupReport, of name: InstanceName, to remotes: [String], _ session: Session
    ) async {
        // What does not count here is not carried away by itself.
        guard let id = report.backup?.id, report.lackError == nil else { return }
        for remote in remotes {
            do {
                let remote = try Remotes(site: session.site).find(remote)
                report.copies.append(
                    try await session.copy(
                        session.site.home.backupStore(of: name).look(at: id), of: name, to: remote, change,
                        prunes: !noPrune))
            } catch {
                let failure = session.failure(error)
                report.copyErrors.append(failure)
                if [.interrupted, .terminated, .timeout].contains(failure.kind) {
                    report.outcome = .failed
                    return
                }
            }
        }
        let isWhole = report.copyErrors.isEmpty && report.copies.allSatisfy { $0.pruneError == nil }
        if !isWhole, report.outcome == .done { report.outcome = .partial }
    }

    static var telling: Session.Telling<BackupReport> {
        .init(
            text: text, names: { name, report in [report.backup?.id.description ?? name.description] },
            warnings: { report in
                report.remarks
                    + (report.backup?.parts ?? []).flatMap { part in
                        part.warnings.map { "\(part.name): \($0)" }
                    }
            },
            failures: {
                [$0.lackError, $0.startError, $0.imagesError, $0.pruneError].compactMap(\.self)
                    + $0.copyErrors
                    + $0.copies.compactMap(\.pruneError)
            })
    }

    private static func planned(_ part: BackupReport.PlannedPart) -> String {
        var facts = ["\(part.entries) entries", "\(ByteCount(part.sourceBytes))", part.consistency.rawValue]
        if part.unchanged { facts.append("unchanged since the last backup") }
        if !part.databases.isEmpty { facts.append("databases: \(part.databases.joined(separator: ", "))") }
        let leftOut = part.excluded.flatMap { ExcludedText.short($0) }
        return facts.joined(separator: ", ") + (leftOut.map { "; \($0)" } ?? "")
    }

    private static func text(_ name: InstanceName, _ report: BackupReport) -> String {
        if let plan = report.plan {
            return
                (["\(name): would back up"]
                + plan.map { part in "  \(part.name): \(planned(part))" }).joined(separator: "\n")
        }
        guard let backup = report.backup else { return "\(name): nothing was backed up" }
        var line = "\(name): backed up as \(backup.id), \(ByteCount(backup.bytes)) in "
        line +=
            DurationText.short(.seconds(report.durationSeconds))
            + (backup.lacks.isEmpty ? ", verified" : ", LACKING")
        if report.pauseSeconds > 0 {
            line += ", paused for " + DurationText.short(.seconds(report.pauseSeconds))
        }
        line += backup.parts.compactMap { part in
            part.excluded.flatMap { ExcludedText.short($0) }.map { "\n  \(part.name): \($0)" }
        }.joined()
        let pruned = report.pruned.map { "\n  removed \($0), which the retention no longer keeps" }.joined()
        let copies = report.copies.map { "\n  " + BackupsCopyCommand.text($0) }.joined()
        return line + copies + pruned
    }
}
