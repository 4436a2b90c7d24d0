// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// A large part: a folder of archives, of which those that did not change are links to the last backup's.
extension CaptureParts {
    /// How often a part is looked at again after it was written, for what changed meanwhile.
    private static let looks = 3

    /// Writes the part's folder.
    ///
    /// Between the walk that decides and the end of the writing the server goes on. What changed by then would be in the
    /// backup as it was before in one place and after in another: an object's metadata of one version and its data of the
    /// next. So the part is looked at again, and what changed is written again, which takes far less time than the first
    /// time.
    func writeSegments(
        _ plan: PartPlan, source: TreeSource, databases: [Manifest.Database], _ compression: Compression,
        isHeld: Bool
    ) throws -> WrittenPart {
        let last =
            plan.isSealedLikeLast && plan.last?.part.compression == compression ? plan.lastSegments : nil
        let target = SegmentSize.target(
            for: plan.scan.allocatedBytes, last: last?.target,
            segments: look.sealing?.segments ?? SegmentSize.segments,
            smallest: look.sealing?.smallestSegment ?? SegmentSize.smallest)
        let contents = contents(databases, of: plan)
        let folder = draft.folder.appending(plan.part.name)
        if try folder.isPresent { try folder.removeTree() }
        var planned = try self.planned(source, of: plan, target, contents)
        var known: [String: Segment] = [:]
        if let last { known = try believed(last, planned, of: plan) }
        let kept = Set(known.values.map(\.file))
        var written = try write(
            planned, of: plan, source, compression,
            from: plan.last.map { $0.backup.archive(of: $0.part) } ?? folder, known, keeping: kept,
            into: folder)
        var looks = isHeld || !look.isRunning ? Self.looks : 0
        while looks < Self.looks {
            looks += 1
            let now = try self.planned(source, of: plan, target, contents)
            guard now.map(\.digest) != planned.map(\.digest) else { break }
            // As it was captured a moment ago, what has the same metadata is the same.
            let before = Dictionary(
                written.numbers.map { (planned[$0.key].digest, $0.value) },
                uniquingKeysWith: { first, _ in first })
            let aside = draft.folder.appending(".\(plan.part.name).before")
            try folder.rename(to: aside)
            let earlier = written
            planned = now
            written = try write(
                planned, of: plan, source, compression, from: aside, before, keeping: kept, into: folder)
            written.summary.add(earlier.summary)
            written.new.formUnion(earlier.new)
            written.bytes.merge(earlier.bytes) { $1 }
            try aside.removeTree()
        }
        let list = SegmentList(target: target, segments: planned.indices.compactMap { written.numbers[$0] })
        try folder.appending(SegmentList.fileName).replaceContents(list.encoded)
        try folder.syncFileSystem()
        var summary = written.summary
        summary.fingerprint = plan.scan.fingerprint
        return WrittenPart(
            file: plan.part.name, compression: compression, summary: summary, bytes: list.bytes,
            sourceBytes: list.sourceBytes, entries: list.entries, sha256: sha256(list.encoded),
            segments: (
                list, list.segments.indices.filter { written.new.contains(list.segments[$0].sha256) },
                written.bytes
            ))
    }

    private func planned(
        _ source: TreeSource, of plan: PartPlan, _ target: Int64, _ contents: [[UInt8]: String]
    ) throws -> [PlannedSegment] {
        // Before the walk: who opens a file later changes its times. An object is never written in place.
        let busy =
            Writers.writtenFiles(below: source.root, isRunning: look.isRunning)
            ?? (plan.part.name == Part.objectStore ? [] : nil)
        return try planSegments(
            of: source, target: target, databases: contents, busy: busy, now: site.machine.clock.now(),
            cancellation: site.machine.cancellation)
    }

    private struct Numbered {
        var summary: ArchiveSummary
        /// By the numbers of the plan.
        var numbers: [Int: Segment]
        /// The digests of the archives that were written and not linked.
        var new: Set<String>
        /// By the digests of those that are compressed.
        var bytes: [String: WrittenBytes]
    }

    /// Links the archives that are known, and writes the others.
    ///
    /// - Parameters:
    ///   - known: The segments of `place`, by the planned ones' digests.
    ///   - kept: The names of those that the last backup has.
    private func write(
        _ planned: [PlannedSegment], of plan: PartPlan, _ source: TreeSource, _ compression: Compression,
        from place: FilePath, _ known: [String: Segment], keeping kept: Set<String>, into folder: FilePath
    ) throws -> Numbered {
        try folder.createFolder()
        let names = Self.names(planned.map { known[$0.digest] }, keeping: kept, compression)
        var numbers: [Int: Segment] = [:]
        for (index, segment) in planned.enumerated() {
            guard var same = known[segment.digest], same.first == segment.first else { continue }
            let file = place.appending(same.file)
            guard try !look.rotten.contains(file), try file.isLinked(to: folder.appending(names[index]))
            else {
                continue
            }
            same.file = names[index]
            same.fingerprint = segment.fingerprint
            numbers[index] = same
            site.machine.progress.advance(segment.bytes)
        }
        let written = try KecsArchive.writeSegments(
            of: source, planned,
            files: planned.indices.map { numbers[$0] == nil ? folder.appending(names[$0]) : nil },
            compression: compression, threads: site.threads, readAt: site.machine.clock.now(),
            cancellation: site.machine.cancellation, progress: site.machine.progress)
        numbers.merge(written.segments) { $1 }
        return Numbered(
            summary: written.summary, numbers: numbers, new: Set(written.segments.values.map(\.sha256)),
            bytes: written.bytes)
    }

    /// An archive that is linked keeps its name, so that what has copies of the last backup finds it by that. All others get
    /// the free numbers in their order: by hand a hard link is unpacked after the file that it leads to.
    private static func names(
        _ known: [Segment?], keeping kept: Set<String>, _ compression: Compression
    ) -> [String] {
        // By their numbers: an encrypted one and a plain one share none.
        var taken: Set<String> = []
        var names = known.map { segment in
            segment.flatMap {
                kept.contains($0.file) && taken.insert(SegmentList.stem($0.file)).inserted ? $0.file : nil
            }
        }
        var number = 0
        for index in names.indices where names[index] == nil {
            var name: String
            repeat {
                number += 1
                name = SegmentList.name(number, compression)
            } while taken.contains(SegmentList.stem(name))
            names[index] = name
        }
        return names.compactMap(\.self)
    }

    /// For each database that was copied: equal texts mean equal content, owner, mode and attributes.
    private func contents(_ databases: [Manifest.Database], of plan: PartPlan) -> [[UInt8]: String] {
        var contents: [[UInt8]: String] = [:]
        for database in databases where database.engine == .sqlite {
            contents[Array(database.path.utf8)] = "\(database.sha256) \(plan.attributes)"
        }
        return contents
    }

    /// The archives of the last backup that hold what these would, by their digests. Those whose last reading is too long ago
    /// are read now.
    private func believed(
        _ last: SegmentList, _ planned: [PlannedSegment], of plan: PartPlan
    ) throws -> [String: Segment] {
        guard let (backup, part) = plan.last else { return [:] }
        let all = last.byFingerprint
        var known: [String: Segment] = [:]
        for segment in planned {
            if let same = all[segment.fingerprint], same.isSame(segment) { known[segment.digest] = same }
        }
        let (damaged, read) = try readAgain(
            Array(known.values), of: last, in: backup.archive(of: part), backup, part)
        let now = site.machine.clock.now().seconds
        return known.filter { !damaged.contains($0.value.file) }.mapValues { segment in
            var segment = segment
            if read.contains(segment.file) { segment.readAt = now }
            return segment
        }
    }

    /// Links a whole part that did not change.
    ///
    /// - Returns: Nil when it is to be archived again.
    func linkSegments(
        _ part: Manifest.Part, from backup: StoredBackup, databases: [Manifest.Database]
    ) throws -> Manifest.Part? {
        let place = backup.archive(of: part)
        var list = try part.segmentList(in: place)
        let (damaged, read) = try readAgain(list.segments, of: list, in: place, backup, part)
        guard damaged.isEmpty else { return nil }
        let folder = draft.folder.appending(part.file)
        try folder.createFolder()
        let now = site.machine.clock.now().seconds
        for index in list.segments.indices {
            let file = list.segments[index].file
            guard try !look.rotten.contains(place.appending(file)),
                try place.appending(file).isLinked(to: folder.appending(file))
            else {
                try folder.removeTree()
                return nil
            }
            if read.contains(file) { list.segments[index].readAt = now }
        }
        try folder.appending(SegmentList.fileName).replaceContents(list.encoded)
        try folder.sync()
        var record = part
        record.sha256 = sha256(list.encoded)
        // The time of the last reading is in the list.
        if list.isSealed { record.plain?.sha256 = sha256(list.unsealed.encoded) }
        record.databases = databases
        return record
    }
}

extension FilePath {
    /// Gives the file a second name.
    ///
    /// - Returns: False when that is not possible: it is another user's, has too many names, lies on another file system,
    ///   or is gone.
    fileprivate func isLinked(to target: FilePath) throws -> Bool {
        do {
            try link(to: target)
            return true
        } catch let error as FileError where error.isNoLink || error.errno == .noSuchFileOrDirectory {
            return false
        }
    }
}

extension FileError {
    /// True when the file system or its rules refuse another name for a file.
    var isNoLink: Bool {
        [.notPermitted, .permissionDenied, .tooManyLinks, .improperLink].contains(errno)
    }
}
