// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// A backup's folder as a bundle holds it: each part one archive, whatever it is in the store.
///
/// Encrypted parts stay as they are, because nobody need know the key to carry them elsewhere; so does one with an archive that
/// has no index.
struct BundledBackup {
    let backup: StoredBackup
    let manifest: Manifest
    let threads: Int
    let cancellation: Cancellation
    let progress: any ProgressSink

    /// The parts to be joined.
    var joined: [Manifest.Part] {
        manifest.parts.filter { $0.isSegmented && $0.encryption == nil && $0.compression != .none }
    }

    /// What the bundle's tar is made of.
    ///
    /// - Parameter staging: A new folder for what is made for it. The caller removes it.
    func source(staging: FilePath) throws -> TreeSource {
        let folder = staging.appending(backup.id.description)
        try folder.createFolder()
        var changed = manifest
        var made: Set<String> = []
        for (index, part) in manifest.parts.enumerated() where joined.contains(part) {
            let name = "\(part.name).\(part.compression.fileExtension)"
            progress.step("joining \(part.file)", total: part.sourceBytes)
            let place = backup.archive(of: part)
            let summary = try joinSegments(
                of: try part.segmentList(in: place), in: place, to: folder.appending(name),
                compression: part.compression, threads: threads, cancellation: cancellation,
                progress: progress)
            guard let summary else { continue }
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
