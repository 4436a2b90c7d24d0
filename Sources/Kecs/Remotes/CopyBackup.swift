// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
import KecsSystem
import SystemPackage

/// Copies a backup to a remote. Its files are written into `.ID.draft`, read back from there, compared, and only then moved
/// into `ID`; the file with the sums comes last, and without it nothing is taken for a backup.
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
            let sent = try await send(files, of: backup, place, rclone, &past)
            item.sentBytes = sent ?? 0
            item.result = sent == nil ? .already : .copied
        }
        item.durationSeconds = (site.machine.clock.elapsed() - began).inSeconds
        return item
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
            throw taken(place, rclone, "its \(BackupStore.sumsName) is that of another backup")
        }
        return known?.isVerified == true && files.allSatisfy { found[$0.name] == $0.size }
    }

    private func taken(_ place: Place, _ rclone: Rclone, _ why: String) -> Failure {
        Failure(
            .failed, "somebody else has written to “\(place.final)” on the remote “\(rclone.remote.name)”",
            cause: why, remedy: "kecsctl remote add other \(ShellWords.quote([rclone.remote.path("other")]))")
    }

    // MARK: Send

    /// - Returns: How many bytes were sent; nil when all of it had its final name already.
    private func send(
        _ files: [File], of backup: StoredBackup, _ place: Place, _ rclone: Rclone, _ past: inout PastCopies
    ) async throws -> Int64? {
        let remote = rclone.remote.name
        let known = past.all[remote]?[backup.id]
        let settled = try await settled(files, known, place, rclone)
        var copy = PastCopies.Copy(
            state: .copying, path: place.final, files: files.map(\.name), sums: files.last?.sha256 ?? "",
            isGood: backup.isGood)
        var sent: Int64?
        let rest = files.filter { !settled.contains($0.name) }
        if !rest.isEmpty {
            // First the record: what is removed later is only what stands in it.
            try past.set(backup.id, copy, at: remote)
            sent = try await upload(rest, place, rclone)
            // All segments of a part at once, the others one after the other.
            for batch in Self.batches(rest) {
                if let folder = batch.folder {
                    try await rclone.move(
                        batch.files.map(\.name).map { String($0.dropFirst(folder.utf8.count + 1)) },
                        in: "\(place.draft)/\(folder)", to: "\(place.final)/\(folder)")
                } else {
                    for file in batch.files {
                        try await rclone.move(
                            "\(place.draft)/\(file.name)", to: "\(place.final)/\(file.name)")
                    }
                }
            }
            let there = try await rclone.list(place.final) ?? [:]
            for file in files where there[file.name] != file.size {
                throw Failure(
                    .damaged, "“\(file.name)” is missing in “\(place.final)” on the remote “\(remote)”",
                    remedy: "kecsctl backups copy \(place.final) --to \(remote)")
            }
        }
        // A run that was cut off may have left what another one had already moved.
        if let draft = try await rclone.list(place.draft) {
            for file in files where draft[file.name] != nil {
                try await rclone.remove(file: "\(place.draft)/\(file.name)")
            }
            try await rclone.removeIfEmpty(place.draft)
        }
        copy.state = .verified
        copy.verifiedAt = site.machine.clock.now()
        try past.set(backup.id, copy, at: remote)
        return sent
    }

    /// The files that have their final names and, read back, the right bytes.
    ///
    /// - Throws: `Failure(.failed)` for files that no copy of this home wrote and that are in the way.
    private func settled(
        _ files: [File], _ known: PastCopies.Copy?, _ place: Place, _ rclone: Rclone
    ) async throws -> Set<String> {
        guard let there = try await rclone.list(place.final),
            files.contains(where: { there[$0.name] != nil })
        else { return [] }
        site.machine.progress.step("reading back from \(rclone.remote.name)", total: nil)
        let found = try await rclone.digests(place.final)
        let right = files.filter { found[$0.name] == $0.sha256 }.map(\.name)
        if known == nil, !right.contains(BackupStore.sumsName),
            let file = files.first(where: { there[$0.name] != nil && !right.contains($0.name) })
        {
            throw taken(place, rclone, "its \(file.name) is not that of this backup")
        }
        return Set(right)
    }

    /// Writes the draft, or what a run that was cut off left to be written of it, and reads all of it back.
    private func upload(_ files: [File], _ place: Place, _ rclone: Rclone) async throws -> Int64 {
        var sent: Int64 = 0
        func upload(_ files: [File]) async throws {
            for batch in Self.batches(files) {
                if let folder = batch.folder, let local = batch.files.first?.path.removingLastComponent() {
                    site.machine.progress.step("copying \(folder) to \(rclone.remote.name)", total: nil)
                    try await rclone.upload(
                        batch.files.map(\.name).map { String($0.dropFirst(folder.utf8.count + 1)) },
                        in: local,
                        to: "\(place.draft)/\(folder)")
                } else {
                    for file in batch.files {
                        site.machine.progress.step(
                            "copying \(file.name) to \(rclone.remote.name)", total: nil)
                        try await rclone.upload(file.path, to: "\(place.draft)/\(file.name)")
                    }
                }
                sent += batch.files.total(\.size)
            }
        }
        let draft = try await rclone.list(place.draft) ?? [:]
        try await upload(files.filter { draft[$0.name] != $0.size })
        site.machine.progress.step("reading back from \(rclone.remote.name)", total: nil)
        var found = try await rclone.digests(place.draft)
        let again = files.filter { draft[$0.name] == $0.size && found[$0.name] != $0.sha256 }
        if !again.isEmpty {
            // Of the right size and not of the right content: written by a run that was cut off.
            try await upload(again)
            found = try await rclone.digests(place.draft)
        }
        for file in files where found[file.name] != file.sha256 {
            throw Failure(
                .damaged,
                "“\(file.name)” was read back from the remote “\(rclone.remote.name)” and is not what was sent",
                cause: "its SHA-256 is \(found[file.name] ?? "not known") instead of \(file.sha256)",
                remedy: "kecsctl backups verify \(place.final)")
        }
        return sent
    }

    /// The files in their order, those of one segmented part together.
    private static func batches(_ files: [File]) -> [(folder: String?, files: [File])] {
        var batches: [(folder: String?, files: [File])] = []
        for file in files {
            let folder = file.name.lastIndex(of: "/").map { String(file.name[..<$0]) }
            if let last = batches.indices.last, batches[last].folder == folder {
                batches[last].files.append(file)
            } else {
                batches.append((folder, [file]))
            }
        }
        return batches
    }
}
