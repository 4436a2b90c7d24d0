// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// The plan of a backup for one part, decided by looking, before anything is written.
struct PartPlan: Sendable {
    var part: Part
    var root: PartRoot
    var source: TreeSource
    var scan: TreeScan
    /// The newest verified record of this part that was made from the same place.
    var last: (backup: StoredBackup, part: Manifest.Part)?
    /// The metadata of each database with its sidecars, by the database's path, to recognise “not written since”.
    var identities: [[UInt8]: DatabaseIdentity]
    /// The owner, mode, ACL and attributes of the paths that the fingerprint leaves out: databases, and the folders
    /// that hold one.
    var attributes: String
    /// The links that lead out of the part to something of the state.
    var links: OutwardLinks
    /// True when a process may be writing now: then equal time stamps prove nothing.
    var mayBeWritten = false
    /// True when the last archive is encrypted as this backup is to be, or plain if it is not.
    var isSealedLikeLast = true

    /// True when it is stored as many archives.
    var isSegmented = false
    /// The size of the files in those archives that will have to be written; nil when that is not known.
    var newBytes: Int64?

    /// The archives of the last backup, if they can be used again. A list that cannot be read counts as none: all is
    /// written then.
    var lastSegments: SegmentList? {
        guard let last, last.part.isSegmented else { return nil }
        do { return try last.part.segmentList(in: last.backup.archive(of: last.part)) } catch { return nil }
    }

    /// Looks at the part.
    ///
    /// - Parameters:
    ///   - earlier: The verified backups, the newest first.
    ///   - seen: The facts about the other parts.
    init(
        _ part: Part, of instance: Instance, earlier: [StoredBackup], seen: PartsSeen,
        excluded: ExcludePatterns, cancellation: Cancellation
    ) throws {
        self.part = part
        root = instance.root(of: part)
        source = try part.source()
        source.excluded = excluded
        let root = root
        last =
            earlier.lazy.compactMap { backup in
                backup.manifest?.parts.first { $0.name == part.name && $0.root == root }.map { (backup, $0) }
            }.first
        source.knownDatabases = Self.known(part, last?.part)
        scan = try scanTree(source, cancellation: cancellation)
        // PostgreSQL and MySQL lock their sockets in the same way, by a file next to it that names the process.
        let serverLocks =
            scan.databaseFolders.compactMap(\.lockFile) + scan.sockets.map { $0 + Array(".lock".utf8) }
        if !serverLocks.isEmpty {
            source.leftOut.formUnion(serverLocks)
            scan = try scanTree(source, cancellation: cancellation)
        }
        identities = [:]
        for database in scan.databases {
            identities[database.path] = try DatabaseIdentity(of: database.path, in: source.root)
        }
        links = try OutwardLinks(scan.outwardLinks, in: source.root, of: part.name, seen)
        var owned = Set(scan.databases.map(\.path))
        for path in owned { owned.insert(Array(path[..<(path.lastIndex(of: UInt8(ascii: "/")) ?? 0)])) }
        attributes = try attributeDigest(
            of: owned.sorted { $0.lexicographicallyPrecedes($1) }.map { [root = source.root] path in
                path.isEmpty ? root : root.appending(bytes: path)
            })
    }

    /// Returns the databases of the last good backup: they still count as databases, whatever their first bytes are.
    private static func known(_ part: Part, _ record: Manifest.Part?) -> [[UInt8]: DatabaseEngine] {
        guard part.name != Part.objectStore, let record else { return [:] }
        var known: [[UInt8]: DatabaseEngine] = [:]
        // A name that is shown escaped is only recognised by its content.
        for database in record.databases where !database.path.contains("\\") && database.engine == .sqlite {
            known[Array(database.path.utf8)] = .sqlite
        }
        return known
    }

    /// The patterns and the number of entries that they leave out, for the manifest.
    var excluded: Manifest.Excluded? {
        source.excluded.isEmpty ? nil : Manifest.Excluded(source.excluded, entries: scan.excluded)
    }

    func wasDatabase(_ path: [UInt8]) -> Bool {
        last?.part.databases.contains { Array($0.path.utf8) == path && $0.engine == .sqlite } ?? false
    }

    /// True when the part is unchanged if no process writes.
    var seemsUnchanged: Bool { last.map { isLike($0.part) } ?? false }

    /// The databases that may only be copied while no process writes them: those that are not SQLite, files or (with a
    /// slash) folders.
    var opaqueDatabases: [String] {
        scan.databases.filter { $0.engine != .sqlite }.map { printable($0.path) }
            + scan.databaseFolders.map { printable($0.path) + "/" }
    }

    /// Returns the metadata that identifies a database at the next backup; nil when it may change without a visible
    /// difference.
    func settledIdentity(of database: TreeScan.Database) -> String? {
        identities[database.path].flatMap { $0.isSettled ? $0.text : nil }
    }

    /// Returns true when everything but the content of databases is as in the last backup.
    func isLike(_ last: Manifest.Part) -> Bool {
        isSealedLikeLast && !last.fingerprint.isEmpty && last.fingerprint == scan.fingerprint
            && last.attributes == attributes
            && links.databases.isEmpty && last.torn == nil
    }

    /// True when a fingerprint covers everything that can change.
    var canBeLinked: Bool {
        links.databases.isEmpty && links.lacks.isEmpty && !scan.databases.contains { $0.engine == .unknown }
    }

    /// True when the part holds nothing but databases, so that their content proves that nothing changed.
    var holdsOnlyDatabases: Bool {
        scan.databaseFolders.isEmpty && scan.databases.allSatisfy { $0.engine == .sqlite }
            && scan.bytes == scan.databases.total(\.bytes).adding(sidecarBytes)
    }

    private var sidecarBytes: Int64 {
        scan.databases.flatMap(\.sidecars).reduce(0) { sum, path in
            // A sidecar that is gone meanwhile makes the sum differ, and so proves nothing.
            sum.adding((try? FileStatus.of(source.root.appending(bytes: path)))??.size ?? 0)
        }
    }

    /// True when the archive of the last backup can be linked: same tree, no writer, and no database was written since.
    var isUnchanged: Bool {
        guard !mayBeWritten, let last = last?.part, isLike(last),
            last.databases.count == scan.databases.count
        else { return false }
        return scan.databases.allSatisfy { database in
            guard let identity = identities[database.path], identity.isSettled else { return false }
            return last.databases.contains {
                $0.path == printable(database.path) && $0.identity == identity.text
            }
        }
    }

    /// The free space that the capture needs. A linked part needs none. Otherwise the archive is at worst as large as
    /// its source, or half as large again as the last one, and a copy of the databases lies next to it while the
    /// archive is written.
    var roomNeeded: ByteCount {
        if isUnchanged { return ByteCount(0) }
        // A header, a pax header and padding for each entry: 2 KiB at the most for ordinary names.
        let worst = scan.allocatedBytes.adding(Int64(scan.entries) * 2048 / 8 + (1 << 20))
        var archive = worst
        if let last = last?.part, last.sourceBytes > 0 {
            let grown = Double(scan.bytes) / Double(last.sourceBytes)
            let likely = Double(last.bytes) * max(grown, 1) * 1.5
            archive = min(worst, Int64(min(likely, 0x1p62)) + (1 << 20))
        }
        if let newBytes { archive = min(archive, newBytes.adding(newBytes / 8 + (8 << 20))) }
        return ByteCount(archive.adding(databaseBytes))
    }

    var databaseBytes: Int64 { identities.values.total(\.bytes) }

    func described(_ consistency: Consistency) -> BackupReport.PlannedPart {
        BackupReport.PlannedPart(
            name: part.name, sourceBytes: scan.bytes, entries: scan.entries,
            databases: scan.databases.filter { $0.engine == .sqlite }.map { printable($0.path) }
                + opaqueDatabases + links.databases.map { printable($0.path) },
            consistency: consistency,
            unchanged: isUnchanged, excluded: excluded)
    }
}

/// The state of a database's files in the file system. As long as the text is unchanged, the bytes are too.
struct DatabaseIdentity: Hashable, Sendable {
    /// The size, mtime, ctime and inode of the file and of each sidecar that is not empty.
    var text: String
    /// The size of the file and its sidecars.
    var bytes: Int64
    /// False when a file changed so recently that another write could carry the same time stamp. The kernel's clock for
    /// time stamps ticks every 1-10 ms; two seconds also cover file systems with coarse stamps.
    var isSettled: Bool

    /// The sidecars with data. `-shm` is left out: it is an index that readers rewrite, and holds nothing of its own.
    static let dataSidecars = ["-wal", "-journal", ".wal"]

    init(of path: [UInt8], in root: FilePath, now: Moment = SystemClock().now()) throws {
        var text = ""
        var bytes: Int64 = 0
        var settled = true
        for suffix in [""] + Self.dataSidecars {
            let file = root.appending(bytes: path + Array(suffix.utf8))
            guard let status = try FileStatus.of(file) else { continue }
            // An empty log says as much as none, and whoever opens the database, as we do, truncates it again.
            if !suffix.isEmpty, status.size == 0 { continue }
            text += "\(suffix) \(status.size) \(status.modified.seconds).\(status.modified.nanoseconds) "
            text += "\(status.changed.seconds).\(status.changed.nanoseconds) \(status.inode);"
            bytes = bytes.adding(status.size)
            if now.since(max(status.changed, status.modified)) < .seconds(2) { settled = false }
        }
        self.text = text
        self.bytes = bytes
        isSettled = settled
    }
}
