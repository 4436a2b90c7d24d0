// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// The source of a restore, found and recognised. The instance has not been touched yet.
struct OpenedSource: Sendable {
    enum Content: Sendable {
        case backup(StoredBackup, Manifest)
        /// A tar archive that is not one of our bundles; its contents show where its entries belong.
        case archive(FilePath, ArchiveContents)
        case database(FilePath)
        case dump(FilePath)
    }

    var content: Content
    /// The backup's id or the file's path, for people.
    var name: String
    /// The value of `--from`.
    var argument: String {
        if spool != nil { return "-" }
        return temporary == nil ? name : String(name.prefix { $0 != " " })
    }
    /// The folder of a bundle that is unpacked for the duration of the restore.
    var temporary: FilePath?
    /// The bytes from standard input, for the duration of the restore.
    var spool: Spool?
    /// The folder of a file from elsewhere that was decrypted, for the duration of the restore.
    var scratch: FilePath?
    /// The archives that were decrypted for the duration of the restore.
    var unsealed: UnsealedBackup?

    /// True when a restore from it makes a degraded instance good again: a backup of a healthy one does.
    var endsDegradation: Bool {
        if case .backup(let backup, _) = content { !backup.isDegraded } else { true }
    }

    /// Removes the temporary files. The next run sweeps those that cannot be removed now: they are named like drafts.
    func close() {
        if let temporary { temporary.discardQuietly() }
        spool?.remove()
        unsealed?.close()
        scratch?.discardQuietly()
    }
}

struct OpenRestoreSource: Sendable {
    let site: Site

    /// Opens the source as `find` does, with the archives of a backup ready to be read: encrypted ones are decrypted.
    ///
    /// - Parameter parts: The names of the wanted parts; nil for all.
    func run(_ from: RestoreFrom, for instance: Instance, parts: [String]? = nil) async throws -> OpenedSource
    {
        if case .file(let file) = from, let method = try encryption(of: file) {
            return try await open(file, encryptedWith: method, for: instance)
        }
        var opened = try find(from, for: instance)
        guard case .backup(let backup, _) = opened.content else { return opened }
        do {
            let unsealed = try await UnsealBackup(site: site)
                .run(backup, settings: instance.settings, parts: parts.map { Set($0) })
            opened.unsealed = unsealed
            if let manifest = unsealed.backup.manifest { opened.content = .backup(unsealed.backup, manifest) }
            return opened
        } catch {
            opened.close()
            throw error
        }
    }

    /// Returns the program that decrypts a file from elsewhere; nil for any other file.
    private func encryption(of file: FilePath) throws -> EncryptionMethod? {
        guard let status = try FileStatus.following(file), status.kind == .file else { return nil }
        return switch try ForeignFile.sniff(file) {
        case .gpg: .gpg
        case .age: .age
        default: nil
        }
    }

    /// Decrypts a file that another program encrypted, and opens its content.
    private func open(
        _ file: FilePath, encryptedWith method: EncryptionMethod, for instance: Instance
    ) async throws -> OpenedSource {
        let keys = Keys(site: site, settings: instance.settings)
        // A file from elsewhere does not say whether a passphrase or a key of gpg's own opens it.
        let isForKey = try method == .gpg && !keys.hasPassphrase
        let sealing = Sealing(method: method, recipients: isForKey ? ["any"] : [])
        let folder = try site.scratch(for: ByteCount(try FileStatus.following(file)?.size ?? 0))
        do {
            site.machine.progress.step("decrypting \(file)", total: nil)
            let plain = folder.appending("decrypted")
            try await Cipher(site: site, keys: keys).decrypt(file, to: plain, sealing)
            var opened = try open(plain, for: instance)
            opened.name = opened.name.replacing(plain.string, with: file.string)
            opened.scratch = folder
            return opened
        } catch {
            folder.discardQuietly()
            throw error
        }
    }

    /// Finds and recognises the source. The archives of an encrypted backup stay encrypted.
    func find(_ from: RestoreFrom, for instance: Instance) throws -> OpenedSource {
        let name = instance.name.description
        switch from {
        case .latest:
            guard let backup = try instance.backups.latest() else { throw BackupStore.none(name) }
            return try open(backup)
        case .id(let text): return try open(try instance.backups.find(text, instance: name))
        case .at(let moment): return try open(try instance.backups.newest(notAfter: moment, instance: name))
        case .file(let file): return try open(file, for: instance)
        case .input: return try openInput(for: instance)
        }
    }

    private func open(_ backup: StoredBackup) throws -> OpenedSource {
        switch backup.state {
        case .damaged(let file, let why):
            // Verified again: the mark may be the only sign of damage, and the user may have repaired the file.
            _ = try VerifyBackup(
                depth: .full, threads: site.threads, cancellation: site.machine.cancellation,
                progress: site.machine.progress
            ).run(backup.id, in: BackupStore(folder: backup.folder.removingLastComponent()))
            guard let manifest = backup.manifest else { throw BackupDamage(file: file, why: why) }
            return OpenedSource(content: .backup(backup, manifest), name: backup.id.description)
        case .unreadable(let error): throw Failure.describing(error, doing: "read the backup “\(backup.id)”")
        case .incomplete:
            throw Failure(
                .damaged, "the backup “\(backup.id)” is incomplete",
                cause: "the run that was to make it was killed")
        case .complete:
            guard let manifest = backup.manifest else {
                throw BackupDamage(file: BackupStore.manifestName, why: "it cannot be read")
            }
            return OpenedSource(content: .backup(backup, manifest), name: backup.id.description)
        }
    }

    private func openInput(for instance: Instance) throws -> OpenedSource {
        let spool = try Spool(site: site, instance: instance)
        do {
            var opened = try open(spool.file, for: instance)
            opened.spool = spool
            opened.name = opened.name.replacing(spool.file.string, with: Spool.name)
            return opened
        } catch {
            spool.remove()
            // The file is gone by the time the user reads its name.
            switch error {
            case var error as ArchiveError:
                error.file = FilePath(Spool.name)
                throw error
            case var failure as Failure:
                failure.message = failure.message.replacing(spool.file.string, with: Spool.name)
                failure.cause = failure.cause?.replacing(spool.file.string, with: Spool.name)
                if failure.remedy?.contains(spool.file.string) == true { failure.remedy = nil }
                throw failure
            default: throw error
            }
        }
    }

    private func open(_ file: FilePath, for instance: Instance) throws -> OpenedSource {
        guard let status = try FileStatus.of(file) else {
            throw Failure(
                .notFound, "there is no file “\(file)”", remedy: "kecsctl backups list \(instance.name)")
        }
        if status.kind == .folder, let id = file.lastComponent.flatMap({ BackupID($0.string) }) {
            // A backup's folder that was copied here by hand.
            let backup = BackupStore(folder: file.removingLastComponent()).look(at: id)
            return try open(backup)
        }
        let found = try ForeignFile.sniff(file)
        switch found {
        case .sqlite: return OpenedSource(content: .database(file), name: file.string)
        case .sqlDump: return OpenedSource(content: .dump(file), name: file.string)
        case .tar, .tarGz, .otherArchive:
            return try openArchive(file, for: instance)
        default:
            throw Failure(
                .usage, "“\(file)” is nothing that can be restored",
                cause: "its content is \(found.inWords); a backup bundle, an archive (tar, zip, 7z, cpio), "
                    + "an SQLite database or an SQL dump was expected",
                remedy: "file \(file)")
        }
    }

    private func openArchive(_ file: FilePath, for instance: Instance) throws -> OpenedSource {
        var contents = ArchiveContents()
        var bundle: BackupID?
        try listArchive(file, .contents, cancellation: site.machine.cancellation) { entry in
            contents.add(entry)
            let path = entry.path.split(separator: UInt8(ascii: "/")).filter { $0 != [UInt8(ascii: ".")] }
            if path.count == 2, path[1].elementsEqual(BackupStore.manifestName.utf8) {
                bundle = BackupID(String(decoding: path[0], as: UTF8.self))
            }
        }
        if let bundle, contents.tops.count == 1 { return try openBundle(file, bundle, for: instance) }
        return OpenedSource(content: .archive(file, contents), name: file.string)
    }

    /// A bundle contains files, and folders of segments.
    private func checkFiles(in folder: FilePath) throws {
        for name in try folder.entries() {
            let place = folder.appending(name)
            let kind = try FileStatus.of(place)?.kind
            if kind == .folder {
                for inner in try place.entries()
                where try FileStatus.of(place.appending(inner))?.kind != .file {
                    throw BackupDamage(
                        file: printable(name.bytes + [UInt8(ascii: "/")] + inner.bytes),
                        why: "it is not a file, and a bundle contains only files")
                }
            } else if kind != .file {
                throw BackupDamage(
                    file: printable(name.bytes), why: "it is not a file, and a bundle contains only files")
            }
        }
    }

    /// Opens a bundle: one tar with a backup's folder in it. It is unpacked as a draft, so that the next run sweeps
    /// whatever a killed restore leaves.
    private func openBundle(_ file: FilePath, _ id: BackupID, for instance: Instance) throws -> OpenedSource {
        let size = try FileStatus.of(file)?.size ?? 0
        let place = try BackupDraft(in: instance.backups, reason: .imported, at: site.machine.clock.now())
            .folder
        do {
            let free = try site.machine.freeSpace(place)
            guard ByteCount(size) < free else {
                throw Failure(
                    .noRoom, "not enough free space to unpack “\(file)”",
                    cause: "\(free) are free in \(place)",
                    remedy: "kecsctl backups prune \(instance.name) --keep 1")
            }
            site.machine.progress.step("unpacking the bundle", total: size)
            _ = try unpackArchive(
                file, into: place,
                options: UnpackOptions(
                    maxEntries: 1_000_000, maxBytes: size * 2 + (1 << 20),
                    owners: .all(owner: Machine.userID, group: Machine.groupID)),
                threads: site.threads, cancellation: site.machine.cancellation,
                progress: site.machine.progress)
            let folder = place.appending(id.description)
            try checkFiles(in: folder)
            var opened = try open(BackupStore(folder: place).look(at: id))
            opened.temporary = place
            opened.name = "\(file.string) (\(id))"
            return opened
        } catch {
            place.discardQuietly()
            throw error
        }
    }
}

extension ForeignFile {
    fileprivate var inWords: String {
        switch self {
        case .sqlite: "an SQLite database"
        case .sqlDump: "SQL"
        case .tar, .tarGz, .otherArchive: "an archive"
        case .gzip, .compressed: "compressed, but not an archive"
        case .duckdb: "a DuckDB database"
        case .gpg: "encrypted with gpg"
        case .age: "encrypted with age"
        default: "of an unknown kind"
        }
    }
}
