// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// A backup's folder as a bundle holds it: each part one archive that every tar can read, whatever it is in the store.
///
/// Encrypted parts stay as they are, because nobody need know the key to carry them elsewhere.
struct BundledBackup {
    let backup: StoredBackup
    let manifest: Manifest
    /// Whether the holes of sparse files stay recorded as such.
    let keepsHoles: Bool
    let threads: Int
    let cancellation: Cancellation
    let progress: any ProgressSink

    /// The parts of which an archive is made. Those of 0.1.0, which have no index, may have holes of which nothing is
    /// recorded.
    func joined() throws -> [Manifest.Part] {
        try manifest.parts.filter { part in
            guard part.encryption == nil else { return false }
            if part.isSegmented { return true }
            if keepsHoles { return false }
            return try part.dataBytes != nil
                || (part.compression != .none && !hasIndex(backup.archive(of: part)))
        }
    }

    /// The room that the bundle takes, and what is made for it. Zeros compress to 1/200 of their size, rather less.
    func roomNeeded(_ joined: [Manifest.Part]) -> ByteCount {
        let made = joined.total { part -> Int64 in
            if keepsHoles { return part.bytes }
            return part.compression == .none ? part.sourceBytes : part.bytes.adding(part.sourceBytes / 200)
        }
        let other = manifest.parts.filter { !joined.contains($0) }.total(\.bytes)
        return ByteCount(other.adding(made).adding(made).adding(1 << 20))
    }

    /// What the bundle's tar is made of.
    ///
    /// - Parameters:
    ///   - joined: The parts of which an archive is made.
    ///   - staging: A new folder for what is made for it. The caller removes it.
    func source(_ joined: [Manifest.Part], staging: FilePath) throws -> TreeSource {
        let folder = staging.appending(backup.id.description)
        try folder.createFolder()
        var changed = manifest
        var made: Set<String> = []
        for (index, part) in manifest.parts.enumerated() where joined.contains(part) {
            let name = "\(part.name).\(part.compression.fileExtension)"
            progress.step("joining \(part.file)", total: part.sourceBytes)
            let place = backup.archive(of: part)
            let summary = try joinArchives(
                of: place, sha256: part.sha256, to: folder.appending(name), compression: part.compression,
                keepsHoles: keepsHoles, threads: threads, cancellation: cancellation, progress: progress)
            progress.step("verifying \(name)", total: summary.bytes)
            let check = try checkArchive(
                folder.appending(name), compression: part.compression, written: summary, threads: threads,
                cancellation: cancellation, progress: progress)
            guard check.entries == part.entries, check.sourceBytes == part.sourceBytes else {
                throw BackupDamage(
                    file: name,
                    why: "it holds \(check.entries) entries and \(check.sourceBytes) bytes instead of "
                        + "\(part.entries) and \(part.sourceBytes)")
            }
            changed.parts[index].file = name
            changed.parts[index].segments = nil
            changed.parts[index].dataBytes =
                summary.dataBytes < summary.sourceBytes ? summary.dataBytes : part.dataBytes
            changed.parts[index].bytes = check.bytes
            changed.parts[index].sha256 = check.sha256
            made.insert(part.file)
        }
        var source = TreeSource(root: staging)
        let isNew: Set<String> = [BackupStore.manifestName, BackupStore.sumsName]
        for name in try backup.folder.entries()
        where !made.contains(name.string) && !isNew.contains(name.string) {
            try link(backup.folder.appending(name), to: folder.appending(name), &source, below: staging)
        }
        try changed.write(in: folder)
        return source
    }

    /// Puts a link there, for which the file that it leads to goes into the tar.
    private func link(
        _ place: FilePath, to link: FilePath, _ source: inout TreeSource, below root: FilePath
    ) throws {
        if try place.isFolder {
            try link.createFolder()
            for name in try place.entries() {
                try self.link(place.appending(name), to: link.appending(name), &source, below: root)
            }
            return
        }
        try link.makeLink(to: place)
        let path = Array(link.bytes.dropFirst(root.bytes.count + 1))
        source.substitutes[path] = place
        source.followed[path] = place
    }
}
