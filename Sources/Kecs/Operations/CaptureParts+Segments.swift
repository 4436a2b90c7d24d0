// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import SystemPackage

/// A large part: a folder of archives, of which those that did not change are links to the last backup's.
extension CaptureParts {
    /// The archives of linked segments that are read back in one backup, if their last reading is too long ago: at least
    /// so many bytes, and at least a seventh of the part, so that each is read about once in `verifyAge`.
    private static let leastRead: Int64 = 1 << 30

    func writeSegments(
        _ plan: PartPlan, source: TreeSource, databases: [Manifest.Database], _ compression: Compression
    ) throws -> WrittenPart {
        let root = plan.source.root
        let last =
            plan.isSealedLikeLast && plan.last?.part.compression == compression ? plan.lastSegments : nil
        let target = SegmentSize.target(for: plan.scan.bytes, last: last?.target)
        // Before the walk: who opens a file later changes its times. An object is never written in place.
        let busy =
            Writers.writtenFiles(below: root, isRunning: look.isRunning)
            ?? (plan.part.name == Part.objectStore ? [] : nil)
        let planned = try planSegments(
            of: source, target: target, databases: contents(databases, of: plan), busy: busy,
            now: site.machine.clock.now(), cancellation: site.machine.cancellation)
        let folder = draft.folder.appending(plan.part.name)
        if try folder.isPresent { try folder.removeTree() }
        try folder.createFolder()
        let names = planned.indices.map { SegmentList.name($0 + 1, compression) }
        var linked = try link(planned, names, from: last, of: plan, into: folder)
        let written = try KecsStorage.writeSegments(
            of: source, planned,
            files: planned.indices.map { linked[$0] == nil ? folder.appending(names[$0]) : nil },
            compression: compression, threads: site.threads, readAt: site.machine.clock.now(),
            cancellation: site.machine.cancellation, progress: site.machine.progress)
        linked.merge(written.segments) { $1 }
        let list = SegmentList(target: target, segments: planned.indices.compactMap { linked[$0] })
        try folder.appending(SegmentList.fileName).replaceContents(list.encoded)
        try folder.syncFileSystem()
        var summary = written.summary
        summary.fingerprint = plan.scan.fingerprint
        let new = Set(written.segments.values.map(\.file))
        return WrittenPart(
            file: plan.part.name, compression: compression, summary: summary, bytes: list.bytes,
            sourceBytes: list.sourceBytes, entries: list.entries, sha256: sha256(list.encoded),
            segments: (list, list.segments.indices.filter { new.contains(list.segments[$0].file) }))
    }

    /// For each database that was copied: equal texts mean equal content, owner, mode and attributes.
    private func contents(_ databases: [Manifest.Database], of plan: PartPlan) -> [[UInt8]: String] {
        var contents: [[UInt8]: String] = [:]
        for database in databases where database.engine == .sqlite {
            contents[Array(database.path.utf8)] = "\(database.sha256) \(plan.attributes)"
        }
        return contents
    }

    /// Links the archives of the last backup that hold what these would.
    ///
    /// - Returns: Those that are linked now, by their numbers in the plan.
    private func link(
        _ planned: [PlannedSegment], _ names: [String], from last: SegmentList?, of plan: PartPlan,
        into folder: FilePath
    ) throws -> [Int: Segment] {
        guard let last, let backup = plan.last?.backup, let part = plan.last?.part else { return [:] }
        let known = last.byFingerprint
        var found: [Int: Segment] = [:]
        for (index, segment) in planned.enumerated() {
            if let same = known[segment.fingerprint], same.isSame(segment) { found[index] = same }
        }
        let place = backup.archive(of: part)
        let rotten = try readAgain(Array(found.values), of: last, in: place, backup, part)
        let now = site.machine.clock.now().seconds
        var linked: [Int: Segment] = [:]
        for (index, segment) in found where !rotten.damaged.contains(segment.file) {
            let file = place.appending(segment.file)
            guard try !look.rotten.contains(file), try file.isLinked(to: folder.appending(names[index]))
            else {
                continue
            }
            var own = segment
            own.file = names[index]
            if rotten.read.contains(segment.file) { own.readAt = now }
            linked[index] = own
            site.machine.progress.advance(segment.sourceBytes)
        }
        return linked
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
        record.databases = databases
        return record
    }

    /// Reads archives back whose last reading is older than the setting `verifyAge`, the oldest first. A damaged one marks
    /// its backup.
    private func readAgain(
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
