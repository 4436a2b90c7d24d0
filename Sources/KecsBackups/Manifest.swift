// SPDX-License-Identifier: Apache-2.0
import Glibc
public import KecsArchive
public import KecsSystem

/// `manifest.json`: the content of a backup, and the checksums that its bytes must have. Written once, never changed
/// afterwards. Field by field in `docs/formats.md`.
public struct Manifest: Codable, Hashable, Sendable {
    /// The formats that this version reads. Another one is refused.
    public static let formats = 1...3
    /// The newest format that this version writes.
    public static let currentFormat = formats.upperBound
    /// That of a manifest that hides names.
    static let hidingFormat = 3

    /// 1, or 2 when a part is segmented or an archive ends with an index, which 0.1.0 takes for damage, or 3 when `details`
    /// has what this one does not say.
    public var format = Manifest.formats.lowerBound
    public var id: BackupID
    public var instance: String
    /// The UUID that the instance got at its creation. It distinguishes two instances with one name.
    public var instanceId: String
    /// The machine that it was made on; for people. Nil in older ones.
    public var host: String?
    public var reason: BackupReason
    public var createdAt: Moment
    public var tool: Tool
    public var runtime: Runtime
    /// True when it was taken while the instance was degraded: it never counts as a good backup.
    public var degraded: Bool
    /// `user_version` of the state database, when there is one.
    public var schemaVersion: Int?
    public var labels: [String: String]
    /// True when every part was read back and every database in it was checked before the backup became visible.
    public var verified: Bool
    public var parts: [Part]
    /// The instance's own count of its backups. It gives their order, regardless of the clock. Absent in manifests of
    /// older versions.
    public var sequence: Int64?
    /// The parts that were requested by name; absent when all were.
    public var selected: [String]?
    /// The things that the instance had when it was last good and this backup does not hold. A backup with any is not
    /// good. Absent in manifests of older versions, which are judged by their content.
    public var lacks: [Lack]?
    /// Losses that the user accepted, as `PART` or `PART/PATH`: in effect until the part or database exists again.
    public var acceptedLosses: [String]?
    /// Oddities of the state that do not make the backup a bad one: a database whose tables are all empty now.
    public var remarks: [String]?
    /// Where the names of files are, when they are not here.
    public var details: Details?

    /// The images of the instance's containers. Absent for an instance without containers, and in manifests of older
    /// versions.
    public var images: [Image]?

    /// An image that a container was made of.
    public struct Image: Codable, Hashable, Sendable {
        /// Its name when the container was made.
        public var reference: String
        /// "sha256:…", as the engine had it.
        public var id: String
        /// Where it was saved; absent when it was not.
        public var saved: SavedImage?

        public init(reference: String, id: String, saved: SavedImage?) {
            self.reference = reference
            self.id = id
            self.saved = saved
        }
    }

    /// An archive as `docker image save` writes it.
    public struct SavedImage: Codable, Hashable, Sendable {
        /// Its path in the folder of the instance's backups: "images/NAME.tar". A manifest may come from elsewhere: ask
        /// `isInItsFolder` before anything is opened.
        public var file: String
        public var bytes: Int64
        /// In lower-case hex.
        public var sha256: String

        /// Whether the path leads to a name in the folder of images, and nowhere else.
        public var isInItsFolder: Bool {
            let name = file.dropFirst("images/".count)
            return file.hasPrefix("images/") && name.hasSuffix(".tar") && Manifest.isPartName(String(name))
        }

        public init(file: String, bytes: Int64, sha256: String) {
            self.file = file
            self.bytes = bytes
            self.sha256 = sha256
        }
    }

    public struct Tool: Codable, Hashable, Sendable {
        public var name: String
        public var version: String
        public init(name: String, version: String) {
            self.name = name
            self.version = version
        }
    }

    public struct Runtime: Codable, Hashable, Sendable {
        public var kind: String
        /// "docker": "28.2.2" …
        public var versions: [String: String]
        public init(kind: String, versions: [String: String] = [:]) {
            self.kind = kind
            self.versions = versions
        }
    }

    /// A part: an archive, or a folder of several.
    public struct Part: Codable, Hashable, Sendable {
        public var name: String
        /// The file in the backup's folder; of a segmented part the folder of its archives.
        public var file: String
        public var root: PartRoot
        public var compression: Compression
        /// `gpg` or `age` when the file is an encrypted archive; absent for a plain one.
        public var encryption: String?
        /// The keys that can decrypt it, as the program was given them; empty: a passphrase. Absent for a plain archive.
        public var recipients: [String]?
        /// The archive before it was encrypted. Absent for a plain one.
        public var plain: Plain?
        /// Of the file; of a segmented part of all its archives.
        public var bytes: Int64
        /// The sum of the regular files' sizes.
        public var sourceBytes: Int64
        /// Of those, what is data: the holes of sparse files take no room again. Absent where nothing is sparse, and in
        /// manifests of older versions.
        public var dataBytes: Int64?
        public var entries: Int
        /// The SHA-256 digest of the file, in lower-case hex; of a segmented part of its list, which names the archives'
        /// digests.
        public var sha256: String
        /// The number of the part's archives; absent when it is a single one.
        public var segments: Int?
        public var consistency: Consistency
        /// A digest over the source tree's metadata, databases left out: equal fingerprints and equal databases mean
        /// that nothing changed. Empty when the tree had changed within the clock's resolution: then it proves nothing.
        public var fingerprint: String
        public var databases: [Database]
        /// The things that could not be captured as they were: special files, files that changed all the time.
        public var warnings: [String]
        /// The files that differed at every reading, as paths below the root.
        public var torn: [String]?
        /// A digest over owner, mode, ACL and attributes, which the fingerprint leaves out. Absent in manifests of
        /// older versions.
        public var attributes: String?
        /// The user's exclusions; absent when nothing was excluded. A restore leaves the excluded paths as they are.
        public var excluded: Excluded?
        /// Where the server had it mounted. Absent when it was not mounted, and in what older versions wrote.
        public var pathInside: String?
        /// The last reading of the archive. Absent for a segmented part, whose list has it for each, and in what older
        /// versions wrote.
        public var lastRead: LastRead?

        public var isSegmented: Bool { segments != nil }

        public init(
            name: String, file: String, root: PartRoot, compression: Compression, bytes: Int64,
            sourceBytes: Int64, entries: Int, sha256: String, consistency: Consistency,
            fingerprint: String, databases: [Database], warnings: [String]
        ) {
            self.name = name
            self.file = file
            self.root = root
            self.compression = compression
            self.bytes = bytes
            self.sourceBytes = sourceBytes
            self.entries = entries
            self.sha256 = sha256
            self.consistency = consistency
            self.fingerprint = fingerprint
            self.databases = databases
            self.warnings = warnings
        }
    }

    /// When an archive was read and found good.
    public struct LastRead: Codable, Hashable, Sendable {
        public var at: Moment
        /// The time of the file's last change then: with another one it has been written since.
        public var modified: ExactMoment

        public init(at: Moment, modified: ExactMoment) {
            self.at = at
            self.modified = modified
        }
    }

    /// An archive before it was encrypted.
    public struct Plain: Codable, Hashable, Sendable {
        /// Its name, with which it can be unpacked by hand.
        public var file: String
        public var bytes: Int64
        /// In lower-case hex.
        public var sha256: String

        public init(file: String, bytes: Int64, sha256: String) {
            self.file = file
            self.bytes = bytes
            self.sha256 = sha256
        }
    }

    /// What was left out of a part because somebody wanted it so.
    public struct Excluded: Codable, Hashable, Sendable {
        /// The patterns in gitignore's syntax, relative to the part's root; the last one that matches decides.
        public var patterns: [String]
        /// True when the content of folders tagged by CACHEDIR.TAG was left out.
        public var caches: Bool
        /// The number of names that were left out; a folder counts once, whatever its content.
        public var entries: Int
        /// The databases among them, as far as known, as paths below the root.
        public var databases: [String]?

        public init(_ patterns: ExcludePatterns, entries: Int) {
            self.patterns = patterns.patterns.map(\.description)
            caches = patterns.caches
            self.entries = entries
        }

        /// - Throws: `BackupDamage` for a pattern that is none.
        public func all() throws -> ExcludePatterns {
            ExcludePatterns(
                try patterns.map { text in
                    guard let pattern = ExcludePattern(text) else {
                        throw BackupDamage(
                            file: "manifest.json",
                            why: "“\(printable(Array(text.utf8)))” in it is not a pattern: "
                                + (ExcludePattern.problem(of: text) ?? ""))
                    }
                    return pattern
                }, caches: caches)
        }
    }

    /// A database file inside a part.
    public struct Database: Codable, Hashable, Sendable {
        /// The path relative to the part's root; printable, so a name that is not UTF-8 is shown escaped.
        public var path: String
        public var engine: DatabaseEngine
        public var bytes: Int64
        public var pages: Int64?
        /// Rows per table; absent for an engine that we cannot read.
        public var tables: [String: Int64]?
        /// The SHA-256 digest of the captured file's bytes.
        public var sha256: String
        public var userVersion: Int64?
        /// Size, times and inode of the source files before they were captured; absent when they had just been written.
        public var identity: String?
        /// The time at which the source file was made, by its file system; absent where that is not known. A later file
        /// with the same name is another database.
        public var madeAt: ExactMoment?
        /// The `-wal` and the like that were archived with it, for an engine that is copied as files.
        public var sidecars: [String]

        public init(
            path: String, engine: DatabaseEngine, bytes: Int64, pages: Int64?,
            tables: [String: Int64]?, sha256: String, userVersion: Int64?, identity: String?,
            madeAt: ExactMoment? = nil, sidecars: [String]
        ) {
            self.path = path
            self.engine = engine
            self.bytes = bytes
            self.pages = pages
            self.tables = tables
            self.sha256 = sha256
            self.userVersion = userVersion
            self.identity = identity
            self.madeAt = madeAt
            self.sidecars = sidecars
        }
    }

    public init(
        id: BackupID, instance: String, instanceId: String, tool: Tool, runtime: Runtime,
        degraded: Bool, schemaVersion: Int?, labels: [String: String], verified: Bool, parts: [Part]
    ) {
        self.id = id
        self.instance = instance
        self.instanceId = instanceId
        host = Self.thisHost
        reason = id.reason
        createdAt = id.createdAt
        self.tool = tool
        self.runtime = runtime
        self.degraded = degraded
        self.schemaVersion = schemaVersion
        self.labels = labels
        self.verified = verified
        self.parts = parts
        if parts.contains(where: { $0.isSegmented || $0.compression != .none }) { format = 2 }
    }

    public static var thisHost: String? {
        var name = utsname()
        guard uname(&name) == 0 else { return nil }
        return withUnsafeBytes(of: &name.nodename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// A part's name is the stem of its archive's file name, and that of its folder with `restore --into`.
    public static func isPartName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 200 && !name.hasPrefix(".") && !name.hasPrefix("-")
            && name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") }
    }

    public var bytes: Int64 { parts.total(\.bytes) }
}

/// The degree to which a part's bytes belong to one moment.
public enum Consistency: String, Sendable, Codable, CaseIterable {
    /// Databases by SQLite's online backup, other files as they were when read.
    case live
    /// Databases copied while their writers were paused.
    case frozen
    /// No process ran.
    case stopped
}
