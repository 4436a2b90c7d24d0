// SPDX-License-Identifier: Apache-2.0
import Glibc
public import KecsSystem
import SystemPackage

/// A segment as the walk before the writing finds it.
public struct PlannedSegment: Hashable, Sendable {
    /// The first and the last path in it, in the order of the walk.
    public internal(set) var first: [UInt8]
    var last: [UInt8]
    /// The size of the regular files in it.
    public internal(set) var bytes: Int64 = 0
    public internal(set) var entries = 0
    /// A digest over the metadata of what is in it.
    public internal(set) var digest = ""
    /// The digest; empty when an equal one would prove nothing: a file has just changed, somebody may be writing to it, or it has
    /// several names.
    public internal(set) var fingerprint = ""
}

extension Segment {
    /// Whether its archive holds what the planned one would.
    public func isSame(_ planned: PlannedSegment) -> Bool {
        !fingerprint.isEmpty && fingerprint == planned.fingerprint && first == planned.first
    }
}

/// Where the segments of a part are cut.
///
/// The paths' own hashes choose the places: a file that is added, removed or changed moves no border but those beside it.
/// A segment holds about `target` bytes. A file as large as that, and a database, have one of their own, and a folder begins
/// another one as soon as the last holds a quarter of it: what changes together, an object with its metadata, stays together.
public enum SegmentSize {
    /// The number of segments that a part is cut into, about: changed files of random places cost `1 / segments` of the
    /// part each, and each segment is a link in every backup.
    public static let segments: Int64 = 8192
    public static let smallest: Int64 = 256 << 10
    public static let largest: Int64 = 64 << 20

    /// The power of two that gives about 8,192 segments. The former one stays while it is within a factor of four: another
    /// one would write everything again.
    ///
    /// - Parameters:
    ///   - segments: The number, where it is another one.
    ///   - smallest: The smallest target, where it is another one: a power of two.
    public static func target(
        for bytes: Int64, last: Int64?, segments: Int64 = SegmentSize.segments,
        smallest: Int64 = SegmentSize.smallest
    ) -> Int64 {
        var ideal = smallest
        while ideal < largest, ideal * segments < bytes { ideal *= 2 }
        if let last, (smallest...largest).contains(last), last <= ideal * 4, ideal <= last * 4 { return last }
        return ideal
    }
}

/// Walks through the tree and says how it is cut, without reading a file.
///
/// - Parameters:
///   - target: Between `SegmentSize.smallest` and `SegmentSize.largest`.
///   - databases: For the path of a database a text that is equal when its content is.
///   - busy: Files that somebody may be writing to. Nil: any may be.
///   - now: Changes within two seconds before it prove nothing; see `DatabaseIdentity`.
/// - Throws: `FileError`, `Interrupted`.
public func planSegments(
    of source: TreeSource, target: Int64, databases: [[UInt8]: String], busy: Set<[UInt8]>?, now: Moment,
    cancellation: Cancellation
) throws -> [PlannedSegment] {
    let planner = SegmentPlanner(source, target, databases, busy, now)
    try TreeWalk(source: source, cancellation: cancellation).run(planner)
    return planner.finish()
}

private final class SegmentPlanner: TreeVisitor {
    /// What an entry without content weighs: about what its headers take.
    private static let entryWeight: Int64 = 1024
    /// Where no hash cuts, a segment ends at so many targets.
    private static let longest: Int64 = 4

    private let source: TreeSource
    private let target: Int64
    private let databases: [[UInt8]: String]
    private let busy: Set<[UInt8]>?
    private let now: Moment
    /// The folders that hold a database: its readers alone change their times.
    private let databaseFolders: Set<[UInt8]>
    private var planned: [PlannedSegment] = []
    private var current: PlannedSegment?
    private var weight: Int64 = 0
    /// The file after which the segment ends, and what it weighed then.
    private var endsAfter: (path: [UInt8], weight: Int64)?
    private var fingerprint = Fingerprint()
    private var isProof = true

    init(
        _ source: TreeSource, _ target: Int64, _ databases: [[UInt8]: String], _ busy: Set<[UInt8]>?,
        _ now: Moment
    ) {
        self.source = source
        self.target = target
        self.databases = databases
        self.busy = busy
        self.now = now
        databaseFolders = Set(source.substitutes.keys.map { Array($0.folderAndName.folder) })
    }

    func finish() -> [PlannedSegment] {
        close()
        return planned
    }

    func enter(folder: CInt, path: [UInt8], status: FileStatus) {
        // With 512 KiB objects and 256 KiB segments, changed ones cost 1.09 of their size; without this, 1.71.
        if endsAfter != nil || weight > target / 4 { close() }
        put(path, 0, Self.entryWeight) {
            $0.add(path, status, type: UInt8(ascii: "d"), times: !databaseFolders.contains(path))
        }
    }

    func leave(path: [UInt8], status: FileStatus) {}

    func vanished(_ path: [UInt8]) {}

    func visit(_ entry: WalkedName, path: [UInt8]) throws {
        var raw = stat()
        guard fstatat(entry.folder, entry.name, &raw, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return }
            throw FileError.last("look at", source.path(path))
        }
        let status = FileStatus(raw)
        switch status.kind {
        case .file:
            if let content = databases[path] {
                close()
                put(path, status.size, target) {
                    $0.add(path, status, type: UInt8(ascii: "f"), times: false)
                    $0.add(Array(content.utf8), status, type: UInt8(ascii: "s"), times: false)
                }
                close()
                return
            }
            if !isCompanion(path, status.size) { close() }
            // A large file stays with the entry of its folder, and leaves what is larger than that to a segment before it.
            if status.size >= target, weight > target / 4 { close() }
            if status.links > 1 || busy?.contains(path) ?? true || source.substitutes[path] != nil {
                isProof = false
            }
            put(path, status.size, status.size.adding(Self.entryWeight)) {
                $0.add(path, status, type: UInt8(ascii: "f"))
            }
        case .symlink:
            guard let link = try linkTarget(entry, path: source.path(path)) else { return }
            // The content that stands for it is another file's.
            if source.substitutes[path] != nil { isProof = false }
            if !isCompanion(path, 0) { close() }
            put(path, 0, Self.entryWeight) { $0.add(path, status, type: UInt8(ascii: "l"), link: link) }
        // None is archived.
        case .folder, .socket, .fifo, .characterDevice, .blockDevice, .other: break
        }
    }

    private func put(
        _ path: [UInt8], _ bytes: Int64, _ weight: Int64, _ add: (inout Fingerprint) -> Void
    ) {
        var segment = current ?? PlannedSegment(first: path, last: path)
        segment.last = path
        segment.entries += 1
        segment.bytes = segment.bytes.adding(bytes)
        current = segment
        self.weight = self.weight.adding(weight)
        add(&fingerprint)
        if endsAfter == nil, isCut(path, weight) { endsAfter = (path, self.weight) }
    }

    /// Whether a file goes into a segment that has reached its end: a small one in a folder above the last file, as an object's
    /// metadata lie beside the folder of its data. True, too, for a segment that has not ended.
    private func isCompanion(_ path: [UInt8], _ bytes: Int64) -> Bool {
        guard let endsAfter else { return true }
        let folder = path.folderAndName.folder
        return bytes <= target / 16 && weight - endsAfter.weight <= target / 4
            && folder.count < endsAfter.path.folderAndName.folder.count && endsAfter.path.starts(with: folder)
    }

    /// A file cuts with the probability that is its share of the target.
    private func isCut(_ path: [UInt8], _ own: Int64) -> Bool {
        if own >= target || weight / Self.longest >= target { return true }
        // Below 2^26, as no target is larger than `SegmentSize.largest`.
        return PathHash.of(path) >> 32 < UInt64(own) << 32 / UInt64(target)
    }

    private func close() {
        guard var segment = current else { return }
        let isSettled = now.since(fingerprint.newest) > .seconds(2)
        segment.digest = fingerprint.finish()
        segment.fingerprint = isProof && isSettled ? segment.digest : ""
        planned.append(segment)
        current = nil
        weight = 0
        endsAfter = nil
        fingerprint = Fingerprint()
        isProof = true
    }
}

/// FNV-1a of 64 bits (Fowler, Noll, Vo), then MurmurHash3's last mixing, for even high bits. The borders of all segments
/// depend on it: another one would write every part again.
enum PathHash {
    static func of(_ path: [UInt8]) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in path { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
        hash = (hash ^ (hash >> 33)) &* 0xc4ce_b9fe_1a85_ec53
        return hash ^ (hash >> 33)
    }
}
