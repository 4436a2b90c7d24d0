// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

extension CaptureParts {
    /// The archives of linked segments that are read back in one backup, if their last reading is too long ago: at least
    /// so many bytes, and at least a seventh of the part, so that each is read about once in `verifyAge`.
    private static let leastRead: Int64 = 1 << 30

    /// Reads archives back whose last reading is older than the setting `verifyAge`, the oldest first. A damaged one marks
    /// its backup.
    func readAgain(
        _ segments: [Segment], of list: SegmentList, in place: FilePath, _ backup: StoredBackup,
        _ part: Manifest.Part
    ) throws -> (damaged: Set<String>, read: Set<String>) {
        let age = try instance.settings.duration(.verifyAge)?.seconds ?? 0
        let now = site.machine.clock.now().seconds
        var budget = max(Self.leastRead, list.bytes / 7)
        var read: Set<String> = []
        for segment in segments.sorted(by: { ($0.readAt, $0.file) < ($1.readAt, $1.file) })
        where now - segment.readAt >= age || segment.readAt > now {
            guard budget > 0 else { break }
            budget -= segment.bytes
            read.insert(segment.file)
        }
        var damaged: Set<String> = []
        if list.isSealed {
            // Whether they can be decrypted a drill and “verify” say, with the key.
            for segment in list.segments where read.contains(segment.file) {
                let file = place.appending(segment.file)
                let found = try digest(of: file, cancellation: site.machine.cancellation)
                guard found.sha256 != segment.sha256 else { continue }
                damaged.insert(segment.file)
                let why = "its SHA-256 is \(found.sha256) instead of \(segment.sha256)"
                try mark(backup, damaged: "\(part.file)/\(segment.file)", why)
            }
            return (damaged, read)
        }
        var wanted = list.segments.indices.filter { read.contains(list.segments[$0].file) }
        while !wanted.isEmpty {
            do {
                try checkSegments(
                    wanted, of: list, in: place, compression: part.compression, threads: site.threads,
                    cancellation: site.machine.cancellation, progress: SilentProgress())
                break
            } catch let error as ArchiveError {
                guard let file = error.file.lastComponent?.string,
                    let index = wanted.first(where: { list.segments[$0].file == file })
                else { throw error }
                damaged.insert(file)
                wanted.removeAll { $0 == index }
                try mark(backup, damaged: "\(part.file)/\(file)", error.why)
            }
        }
        return (damaged, read)
    }
}
