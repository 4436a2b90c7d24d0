// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
import KecsSystem
import SystemPackage

/// Copies a backup to a remote. Its files are written into `.ID.draft`, read back from there, compared, and only then moved
/// into `ID`; the file with the sums comes last, and without it nothing is taken for a backup. In a bucket, where renaming is
/// copying and removing, they are written into `ID` at once, the file with the sums after all others were read back.
///
/// What an earlier copy holds already is not sent again, see `ReusableFiles`.
public struct CopyBackup: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// - Parameter wait: For another copy of this instance to the same remote.
    public func run(
        _ backup: StoredBackup, of name: InstanceName, to remote: Remote, command: String, wait: Duration?,
        dryRun: Bool = false
    ) async throws -> CopyItem {
        let began = site.machine.clock.elapsed()
        guard backup.state == .complete, let manifest = backup.manifest else {
            throw Failure(
                .damaged, "the backup “\(backup.id)” cannot be copied",
                cause: BackupSummary(backup, instance: name.description).problem,
                remedy: "kecsctl backups verify \(name)/\(backup.id)")
        }
        let rclone = try Rclone(machine: site.machine, remote: remote)
        var past = try PastCopies(site.home.backupStore(of: name))
        let known = past.all[remote.name]?[backup.id]
        let place = Place(path: known?.path ?? "\(name)/\(backup.id)")
        let files = try Self.files(of: backup, manifest)
        var item = CopyItem(
            instance: name.description, id: backup.id, remote: remote.name, path: remote.path(place.final),
            result: .planned, bytes: files.total(\.size), sentBytes: 0, durationSeconds: 0)
        if dryRun {
            if try await isCopied(files, known, place, rclone) { item.result = .already }
            return item
        }
        let lock = try await past.lock(remote.name, site, command: command, wait: wait)
        defer { lock.unlock() }
        try past.refresh(remote.name)
        if try await isCopied(files, past.all[remote.name]?[backup.id], place, rclone) {
            item.result = .already
        } else {
            let sent = try await SendCopy(
                site: site, rclone: rclone, place: place, verifyAge: try verifyAge(of: name)
            ).run(files, of: backup, in: site.home.backupStore(of: name), &past)
            item.sentBytes = sent?.bytes ?? 0
            item.reusedBytes = sent?.reusedBytes ?? 0
            item.result = sent == nil ? .already : .copied
        }
        item.durationSeconds = (site.machine.clock.elapsed() - began).inSeconds
        return item
    }

    /// After how long what was read back is read again.
    private func verifyAge(of name: InstanceName) throws -> TimeSpan? {
        try site.settings(ofBackupsOf: name).duration(.verifyAge)
    }

    struct Place: Sendable {
        /// `INSTANCE/ID`
        let final: String
        let draft: String

        init(path: String) {
            final = path
            let halves = path.split(separator: "/", maxSplits: 1)
            draft = "\(halves[0])/.\(halves[halves.count - 1]).draft"
        }
    }

    struct File: Hashable, Sendable {
        var name: String
        var path: FilePath
        var size: Int64
        var sha256: String
    }

    /// In the order in which they get their final names: the parts, the manifest, the sums.
    static func files(of backup: StoredBackup, _ manifest: Manifest) throws -> [File] {
        var files = try manifest.parts.flatMap { try $0.files(in: backup.folder) }.map {
            File(name: $0.name, path: backup.folder.appending($0.name), size: $0.bytes, sha256: $0.sha256)
        }
        if let details = manifest.details {
            files.append(
                File(
                    name: details.file, path: backup.folder.appending(details.file), size: details.bytes,
                    sha256: details.sha256))
        }
        for name in [BackupStore.manifestName, BackupStore.sumsName] {
            let bytes = try backup.folder.appending(name).contents()
            files.append(
                File(
                    name: name, path: backup.folder.appending(name), size: Int64(bytes.count),
                    sha256: sha256(bytes)))
        }
        return files
    }

    // MARK: What is there

    /// Whether it was copied and verified, and still lies there by names, sizes and sums.
    ///
    /// - Throws: `Failure(.failed)` when another backup has the name.
    private func isCopied(
        _ files: [File], _ known: PastCopies.Copy?, _ place: Place, _ rclone: Rclone
    ) async throws -> Bool {
        guard let found = try await rclone.list(place.final), found[BackupStore.sumsName] != nil else {
            return false
        }
        let sums = try await rclone.contents("\(place.final)/\(BackupStore.sumsName)").map { sha256($0) }
        guard sums == files.last?.sha256 else {
            throw Self.taken(place, rclone, "its \(BackupStore.sumsName) is that of another backup")
        }
        return known?.isVerified == true && files.allSatisfy { found[$0.name] == $0.size }
    }

    static func taken(_ place: Place, _ rclone: Rclone, _ why: String) -> Failure {
        Failure(
            .failed, "somebody else has written to “\(place.final)” on the remote “\(rclone.remote.name)”",
            cause: why, remedy: "kecsctl remote add other \(ShellWords.quote([rclone.remote.path("other")]))")
    }
}
