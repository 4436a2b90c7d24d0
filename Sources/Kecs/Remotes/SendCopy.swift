// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

/// Brings the files of one backup to a remote, and proves that they are there.
struct SendCopy: Sendable {
    let site: Site
    let rclone: Rclone
    let place: CopyBackup.Place
    /// After how long what was read back is read again; nil: each time.
    let verifyAge: TimeSpan?

    typealias File = CopyBackup.File

    struct Sent {
        /// Of what passed through the network to the remote.
        var bytes: Int64 = 0
        /// Of what the remote copied or linked by itself.
        var reusedBytes: Int64 = 0
        /// When the files that were not read back now were last read back; nil when all were.
        var readAt: Moment?
    }

    /// - Returns: Nil when all of it had its final name already.
    func run(
        _ files: [File], of backup: StoredBackup, in store: BackupStore, _ past: inout PastCopies
    ) async throws -> Sent? {
        let remote = rclone.remote.name
        let known = past.all[remote]?[backup.id]
        let settled = try await settled(files, known)
        var copy = PastCopies.Copy(
            state: .copying, path: place.final, files: files.map(\.name), sums: files.last?.sha256 ?? "",
            isGood: backup.isGood)
        var sent: Sent?
        let rest = files.filter { !settled.contains($0.name) }
        if !rest.isEmpty {
            // First the record: what is removed later is only what stands in it.
            try past.set(backup.id, copy, at: remote)
            sent = try await send(rest, of: backup.id, in: store, past)
            try await checkFinal(files)
        }
        try await removeDraft(files)
        copy.state = .verified
        copy.verifiedAt = sent?.readAt ?? site.machine.clock.now()
        try past.set(backup.id, copy, at: remote)
        return sent
    }

    private func send(
        _ rest: [File], of id: BackupID, in store: BackupStore, _ past: PastCopies
    ) async throws -> Sent {
        let abilities = try await rclone.abilities()
        let base = try await ReusableFiles.find(
            for: id, past.all[rclone.remote.name] ?? [:], store, rclone, abilities)
        var sent = Sent()
        guard !abilities.isBucket else {
            // A file appears there when all of it is there; the folder is a backup when it has its sums.
            let sums = rest.filter { $0.name == BackupStore.sumsName }
            for files in [rest.filter { $0.name != BackupStore.sumsName }, sums] where !files.isEmpty {
                try await upload(files, to: place.final, base, &sent)
            }
            return sent
        }
        try await upload(rest, to: place.draft, base, &sent)
        // All segments of a part at once, the others one after the other.
        for batch in Self.batches(rest) {
            if let folder = batch.folder {
                try await rclone.move(
                    batch.namesInFolder, in: "\(place.draft)/\(folder)", to: "\(place.final)/\(folder)")
            } else {
                for file in batch.files {
                    try await rclone.move("\(place.draft)/\(file.name)", to: "\(place.final)/\(file.name)")
                }
            }
        }
        return sent
    }

    /// Whatever else wrote there meanwhile: what has the final name now is this backup.
    private func checkFinal(_ files: [File]) async throws {
        let there = try await rclone.list(place.final) ?? [:]
        for file in files where there[file.name] != file.size {
            throw Failure(
                .damaged,
                "“\(file.name)” is missing in “\(place.final)” on the remote “\(rclone.remote.name)”",
                remedy: "kecsctl backups copy \(place.final) --to \(rclone.remote.name)")
        }
        let sums = try await rclone.contents("\(place.final)/\(BackupStore.sumsName)").map { sha256($0) }
        guard sums == files.last?.sha256 else {
            throw CopyBackup.taken(place, rclone, "its \(BackupStore.sumsName) became that of another backup")
        }
    }

    /// A run that was cut off may have left what another one had already moved.
    private func removeDraft(_ files: [File]) async throws {
        guard let draft = try await rclone.list(place.draft) else { return }
        try await rclone.remove(files: files.map(\.name).filter { draft[$0] != nil }, in: place.draft)
        try await rclone.removeIfEmpty(place.draft)
    }

    /// The files that have their final names and, read back, the right bytes.
    ///
    /// - Throws: `Failure(.failed)` for files that no copy of this home wrote and that are in the way.
    private func settled(_ files: [File], _ known: PastCopies.Copy?) async throws -> Set<String> {
        guard let there = try await rclone.list(place.final),
            files.contains(where: { there[$0.name] != nil })
        else { return [] }
        site.machine.progress.step("reading back from \(rclone.remote.name)", total: nil)
        let found = try await rclone.digests(place.final)
        let right = files.filter { found[$0.name] == $0.sha256 }.map(\.name)
        if known == nil, !right.contains(BackupStore.sumsName),
            let file = files.first(where: { there[$0.name] != nil && !right.contains($0.name) })
        {
            throw CopyBackup.taken(place, rclone, "its \(file.name) is not that of this backup")
        }
        return Set(right)
    }

    /// Fills a folder, or writes what a run that was cut off left to be written there, and reads it back. What the remote
    /// took from a copy that was read back within `verifyAge` is not read again.
    private func upload(
        _ files: [File], to folder: String, _ base: ReusableFiles?, _ sent: inout Sent
    ) async throws {
        let before = try await rclone.list(folder) ?? [:]
        let missing = files.filter { before[$0.name] != $0.size }
        let reused = try await base?.bring(missing, to: folder) ?? []
        let isTrusted = base.map { isFresh($0.verifiedAt) } ?? false
        let resumed = try await upload(
            missing.filter { !reused.contains($0.name) }, to: folder, where: before, &sent)
        sent.reusedBytes += files.filter { reused.contains($0.name) }.total(\.size)
        if isTrusted, !reused.isEmpty, let base { sent.readAt = base.verifiedAt }
        let toRead = files.filter { !isTrusted || !reused.contains($0.name) }
        site.machine.progress.step("reading back from \(rclone.remote.name)", total: nil)
        var found = try await rclone.digests(folder, of: toRead.map(\.name))
        // Of the right size and not of the right content: written by a run that was cut off, or rotten in the other copy.
        let again = toRead.filter {
            (before[$0.name] == $0.size || reused.contains($0.name) || resumed.contains($0.name))
                && found[$0.name] != $0.sha256
        }
        if !again.isEmpty {
            // A link would be written through into the copy that it came from.
            try await rclone.remove(
                files: again.map(\.name).filter { reused.contains($0) }, in: folder)
            _ = try await upload(again, to: folder, where: [:], &sent)
            found.merge(try await rclone.digests(folder, of: again.map(\.name))) { $1 }
        }
        for file in toRead where found[file.name] != file.sha256 {
            throw Failure(
                .damaged,
                "“\(file.name)” was read back from the remote “\(rclone.remote.name)” and is not what was sent",
                cause: "its SHA-256 is \(found[file.name] ?? "not known") instead of \(file.sha256)",
                remedy: "kecsctl backups verify \(place.final)")
        }
    }

    private func isFresh(_ readAt: Moment) -> Bool {
        guard let verifyAge else { return false }
        let seconds = site.machine.clock.now().since(readAt).components.seconds
        return seconds >= 0 && seconds < verifyAge.seconds
    }

    /// - Parameter there: The sizes of what lies there of a run that was cut off.
    /// - Returns: The names of those that were gone on with where they ended.
    private func upload(
        _ files: [File], to target: String, where there: [String: Int64], _ sent: inout Sent
    ) async throws -> Set<String> {
        var resumed: Set<String> = []
        let large = rclone.resumes ? files.filter { $0.size >= Rclone.large } : []
        for file in large {
            let size = there[file.name] ?? 0
            let isBegun = size > 0 && size < file.size
            site.machine.progress.step("copying \(file.name) to \(rclone.remote.name)", total: nil)
            try await rclone.put(file.path, to: "\(target)/\(file.name)", isBegun: isBegun)
            if isBegun { resumed.insert(file.name) }
            sent.bytes += file.size - (isBegun ? size : 0)
        }
        for batch in Self.batches(files.filter { !large.contains($0) }) {
            if let folder = batch.folder, let local = batch.files.first?.path.removingLastComponent() {
                site.machine.progress.step("copying \(folder) to \(rclone.remote.name)", total: nil)
                try await rclone.upload(batch.namesInFolder, in: local, to: "\(target)/\(folder)")
            } else {
                for file in batch.files {
                    site.machine.progress.step("copying \(file.name) to \(rclone.remote.name)", total: nil)
                    try await rclone.upload(file.path, to: "\(target)/\(file.name)")
                }
            }
            sent.bytes += batch.files.total(\.size)
        }
        return resumed
    }

    struct Batch {
        /// Nil for files that lie in no folder of the backup's.
        var folder: String?
        var files: [File]

        var namesInFolder: [String] {
            files.map { String($0.name.dropFirst(folder.map { $0.utf8.count + 1 } ?? 0)) }
        }
    }

    /// The files in their order, those of one segmented part together.
    static func batches(_ files: [File]) -> [Batch] {
        var batches: [Batch] = []
        for file in files {
            let folder = file.name.lastIndex(of: "/").map { String(file.name[..<$0]) }
            if let last = batches.indices.last, batches[last].folder == folder {
                batches[last].files.append(file)
            } else {
                batches.append(Batch(folder: folder, files: [file]))
            }
        }
        return batches
    }
}
