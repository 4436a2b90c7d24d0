// SPDX-License-Identifier: Apache-2.0
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
        struct File: Hashable {
            var device: UInt64
            var inode: UInt64
        }
        var seen: Set<File> = []
        storedBytes = 0
        for item in items {
            for part in item.parts {
                let place = FilePath(item.path).appending(part.file)
                func count(_ status: FileStatus) {
                    guard status.kind == .file,
                        seen.insert(File(device: status.device, inode: status.inode)).inserted
                    else { return }
                    storedBytes = storedBytes.adding(status.size)
                }
                guard let status = try FileStatus.of(place) else { continue }
                // The folder of a segmented part.
                if status.kind == .folder { try place.forEachStatus(count) } else { count(status) }
            }
        }
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
