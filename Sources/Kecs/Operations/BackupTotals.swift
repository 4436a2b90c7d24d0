// SPDX-License-Identifier: Apache-2.0
import KecsStorage
public import KecsSystem
import SystemPackage

/// The totals of several backups.
public struct BackupTotals: Encodable, Hashable, Sendable {
    public var backups: Int
    /// The size of all their archives, with every backup counted separately.
    public var bytes: Int64
    /// The size of the archives' files. A file that several backups share, because its part had not changed, counts
    /// once.
    public var storedBytes: Int64

    public init(_ items: [BackupSummary]) throws {
        backups = items.count
        bytes = items.total(\.bytes)
        var seen: Set<[UInt64]> = []
        storedBytes = 0
        for item in items {
            let folder = FilePath(item.path)
            for file in try item.parts.flatMap({ try Self.files(of: $0, in: folder) }) {
                guard let status = try FileStatus.of(folder.appending(file)),
                    seen.insert([status.device, status.inode]).inserted
                else { continue }
                storedBytes = storedBytes.adding(status.size)
            }
        }
    }

    /// A part whose list is damaged counts with that list alone.
    private static func files(of part: BackupSummary.PartSummary, in folder: FilePath) throws -> [String] {
        guard part.segments != nil else { return [part.file] }
        let list = "\(part.file)/\(SegmentList.fileName)"
        do {
            let found = try SegmentList.of(folder.appending(part.file))
            return [list] + (found?.segments ?? []).map { "\(part.file)/\($0.file)" }
        } catch is ArchiveError { return [list] }
    }

    /// "3 backups, 36.9 MB (12.3 MB on disk)"
    public var sentence: String {
        "\(backups) backup\(backups == 1 ? "" : "s"), \(ByteCount(bytes))"
            + (storedBytes == bytes ? "" : " (\(ByteCount(storedBytes)) on disk: unchanged parts are shared)")
    }
}

/// The statistics of an instance's backups.
public struct BackupStats: Encodable, Hashable, Sendable {
    public var instance: String
    public var good: Int
    /// The number of backups that are neither good nor incomplete: damaged, unreadable, or without something that
    /// should be in them.
    public var notGood: Int
    public var pinned: Int
    public var oldest: Moment?
    public var newest: Moment?
    public var newestGood: Moment?
    public var totals: BackupTotals
    /// The size of the files in the newest good backup, before compression; nil without one.
    public var sourceBytes: Int64?

    /// - Parameter items: The backups, the newest first.
    public init(_ instance: InstanceName, _ items: [BackupSummary]) throws {
        self.instance = instance.description
        good = items.filter(\.good).count
        notGood = items.filter { !$0.good && $0.state != "incomplete" }.count
        pinned = items.filter(\.pinned).count
        oldest = items.map(\.createdAt).min()
        newest = items.map(\.createdAt).max()
        let last = items.first(where: \.good)
        newestGood = last?.createdAt
        sourceBytes = last?.parts.total(\.sourceBytes)
        totals = try BackupTotals(items)
    }
}
