// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
public import KecsSystem
import SystemPackage

/// Which of an instance's backups this home copied where, and which of those it found equal there:
/// `backups/dev/copies/REMOTE.json`. It outlives the backups here.
public struct PastCopies: Sendable {
    public struct Copy: Codable, Hashable, Sendable {
        public enum State: String, Codable, Sendable {
            /// Being written, or cut off while it was.
            case copying
            /// Read back and found equal to what was sent.
            case verified
            /// Read again later, and no longer equal.
            case damaged
            /// Being removed by the remote's retention, or cut off while it was.
            case removing
        }

        public var state: State
        /// `INSTANCE/ID` below the remote's address. An instance that is renamed keeps its copies where they are.
        public var path: String
        /// All files that were written there: nothing else is ever removed.
        public var files: [String]
        /// The digest of `SHA256SUMS`: tells this backup from another one of the name.
        public var sums: String
        /// When it was last read back and found equal.
        public var verifiedAt: Moment?
        /// Whether the backup counted as a good one when it was copied.
        public var isGood: Bool
        /// Why it is damaged.
        public var problem: String?

        public var isVerified: Bool { state == .verified }
    }

    private struct Record: Codable {
        var version = 1
        /// By the backup's id.
        var copies: [String: Copy] = [:]
    }

    static let folderName = "copies"

    private let store: BackupStore
    private var folder: FilePath { store.folder.appending(Self.folderName) }
    /// By the remote's name.
    public private(set) var all: [String: [BackupID: Copy]] = [:]

    public init(_ store: BackupStore) throws {
        self.store = store
        guard try folder.isFolder else { return }
        for name in try folder.entries() where name.string.hasSuffix(".json") {
            guard !name.string.hasPrefix(".") else { continue }
            let remote = String(name.string.dropLast(5))
            all[remote] = try Self.known(Self.read(folder.appending(name)))
        }
    }

    private static func read(_ file: FilePath) throws -> Record {
        let record = try JSONFile.read(Record.self, from: file)
        guard record.version == 1 else {
            throw Failure(
                .damaged, "“\(file)” belongs to another kecsctl", cause: "its version is \(record.version)")
        }
        return record
    }

    private static func known(_ record: Record) -> [BackupID: Copy] {
        Dictionary(
            record.copies.compactMap { id, copy in BackupID(id).map { ($0, copy) } },
            uniquingKeysWith: { first, _ in first })
    }

    /// The remotes where a backup lies, verified.
    public func remotes(of id: BackupID) -> [String] {
        all.filter { $0.value[id]?.isVerified == true }.keys.sorted()
    }

    /// The newest good backup that lies there, verified. One that failed its drill here is none.
    public func newest(at remote: String) -> (id: BackupID, copy: Copy)? {
        (all[remote] ?? [:]).filter { $0.value.isVerified && $0.value.isGood }
            .sorted { $0.key > $1.key }
            .first { !store.look(at: $0.key).hasFailedDrill }.map { ($0.key, $0.value) }
    }

    /// How long ago the newest good copy's backup was taken.
    public struct Age: Encodable, Sendable {
        public var remote: String
        public var newest: BackupID?
        public var ageSeconds: Int64?
        public var verifiedAt: Moment?
        /// What to say when it is older than the limit; nil when it is not.
        public var overdue: String?
    }

    public func age(at remote: String, limit: TimeSpan, now: Moment) -> Age {
        guard let (id, copy) = newest(at: remote) else {
            return Age(remote: remote, overdue: "no good backup was ever copied to “\(remote)”")
        }
        let seconds = max(0, now.since(id.createdAt).components.seconds)
        var age = Age(remote: remote, newest: id, ageSeconds: seconds, verifiedAt: copy.verifiedAt)
        if id.isAhead(of: now) {
            age.overdue =
                "the time of \(id), the newest copy on “\(remote)”, is in the future: its age is unknown"
        } else if seconds > limit.seconds {
            age.overdue =
                "the newest copy on “\(remote)”, \(id), is \(ageText(seconds)) old, the limit is \(limit)"
        }
        return age
    }

    // MARK: Changes, under the lock

    /// Held while something is written or removed there, so that no two do it at once.
    func lock(_ remote: String, _ site: Site, command: String, wait: Duration?) async throws -> FileLock {
        try folder.createFolder()
        let file = folder.appending(".\(remote).lock")
        // Whoever let go of it wrote nothing into it: this one was killed, and its rclone may still be writing.
        let before = FileLock.holder(of: file)
        do {
            let lock = try await FileLock.acquire(
                file, command: command, wait: wait, clock: site.machine.clock,
                cancellation: site.machine.cancellation)
            do {
                if let before { try await Orphans.end(of: before.process, clock: site.machine.clock) }
            } catch {
                lock.unlock()
                throw error
            }
            return lock
        } catch let held as LockHeld {
            throw Failure(
                .busy, "another kecsctl copies to “\(remote)”",
                cause: held.holder.map { "process \($0.process.pid) (\($0.command)) since \($0.since)" },
                remedy: Remedy.again(with: "--wait-lock", "1h") ?? "kecsctl backups list")
        }
    }

    /// Reads what is on the disk again: another one may have changed it before the lock was had.
    mutating func refresh(_ remote: String) throws {
        let file = file(remote)
        all[remote] = try file.isPresent ? Self.known(Self.read(file)) : [:]
    }

    /// - Parameter copy: Nil forgets it.
    mutating func set(_ id: BackupID, _ copy: Copy?, at remote: String) throws {
        try folder.createFolder()
        let file = file(remote)
        var record = try file.isPresent ? Self.read(file) : Record()
        record.copies[id.description] = copy
        try JSONFile.write(record, to: file)
        all[remote] = Self.known(record)
    }

    private func file(_ remote: String) -> FilePath { folder.appending("\(remote).json") }
}
