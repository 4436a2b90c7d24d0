// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// The tree that goes into an archive: a folder with everything below it, its own entry included.
///
/// Paths in it are raw bytes relative to the root, without `./` before or `/` behind.
public struct TreeSource: Sendable {
    public var root: FilePath
    /// The paths that are not archived: databases' sidecars, lock files. A folder leaves out its whole subtree.
    public var leftOut: Set<[UInt8]>
    /// The files whose bytes are archived under that name, such as SQLite snapshots. Mode, owner, times and attributes
    /// come from the original.
    public var substitutes: [[UInt8]: FilePath]
    /// Open descriptors of substitutes: they are read with `pread`, and neither opened again nor closed.
    public var opened: [[UInt8]: CInt] = [:]
    /// The substitutes whose SHA-256 is wanted (`ArchiveSummary.digests`).
    public var digested: Set<[UInt8]> = []
    /// The file behind each substitute that stands for a link. The substitute gets that file's mode, owner and times.
    public var followed: [[UInt8]: FilePath] = [:]
    /// True to archive folders on which another file system is mounted as empty ones.
    public var stayOnDevice: Bool
    /// True to recognise files that look like databases. False for an object store: it holds objects, which no process
    /// writes in place, whatever their bytes look like.
    public var findsDatabases = true
    /// The patterns of the paths that the user wants to leave out.
    public var excluded = ExcludePatterns()

    /// The files that are databases regardless of their present bytes. Empty, cut off or overwritten, they are damaged
    /// databases and no plain files.
    public var knownDatabases: [[UInt8]: DatabaseEngine] = [:]

    public init(
        root: FilePath, leftOut: Set<[UInt8]> = [], substitutes: [[UInt8]: FilePath] = [:],
        stayOnDevice: Bool = false
    ) {
        self.root = root
        self.leftOut = leftOut
        self.substitutes = substitutes
        self.stayOnDevice = stayOnDevice
    }

    /// Leaves out the files of a database's engine, including those that do not exist yet: opening a database creates
    /// some of them.
    public mutating func leaveOutSidecars(of database: TreeScan.Database) {
        leftOut.formUnion(database.engine.sidecarSuffixes.map { database.path + Array($0.utf8) })
        leftOut.formUnion(database.sidecars)
    }

    /// Returns the path for errors; the bytes of `relative` are kept.
    func path(_ relative: [UInt8]) -> FilePath { root.appending(raw: relative) }
}

extension FilePath {
    /// Bytes that need not be UTF-8.
    func appending(raw relative: [UInt8]) -> FilePath {
        (relative + [0]).withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                guard let start = characters.baseAddress else { return self }
                return pushing(FilePath(platformString: start))
            }
        }
    }
}
