// SPDX-License-Identifier: Apache-2.0
public import SystemPackage

/// What goes into one archive: a folder with everything below it, its own entry included.
///
/// Paths in it are raw bytes relative to the root, without `./` before or `/` behind.
public struct TreeSource: Sendable {
    public var root: FilePath
    /// Not to be archived: databases' sidecars, lock files. A folder leaves out its whole subtree.
    public var leftOut: Set<[UInt8]>
    /// Files whose bytes are archived under that name, such as SQLite snapshots. Mode, owner, times and attributes
    /// come from the original.
    public var substitutes: [[UInt8]: FilePath]
    /// Of substitutes that stand for a link: the file behind it, whose mode, owner and times they get.
    public var followed: [[UInt8]: FilePath] = [:]
    /// Whether folders on which another file system is mounted are archived empty.
    public var stayOnDevice: Bool
    /// Whether files that look like databases are told apart. Not in an object store: what lies there are objects, which
    /// nobody writes in place, whatever their bytes say.
    public var findsDatabases = true
    /// What the user wants to be left out.
    public var excluded = ExcludePatterns()

    /// Files that are databases whatever their bytes say by now: empty, cut off or overwritten, they are damaged databases
    /// and no plain files.
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

    /// What belongs to a database's engine, also what is not there yet: opening a database makes some of it.
    public mutating func leaveOutSidecars(of database: TreeScan.Database) {
        leftOut.formUnion(database.engine.sidecarSuffixes.map { database.path + Array($0.utf8) })
        leftOut.formUnion(database.sidecars)
    }

    /// For errors; the bytes of `relative` are kept.
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
