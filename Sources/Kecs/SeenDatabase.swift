// SPDX-License-Identifier: Apache-2.0
import KecsSystem
public import SystemPackage

/// The facts about a database file that show whether two paths lead to one.
public struct SeenDatabase: Hashable, Encodable, Sendable {
    public var path: String
    public var size: Int64
    public var inode: UInt64?
    /// SQLite's `user_version`, of the file without its write-ahead log.
    public var userVersion: Int64?

    public init(path: String, size: Int64, inode: UInt64?, head: [UInt8]) {
        self.path = path
        self.size = size
        self.inode = inode
        // Bytes 60 to 63, the most significant first (sqlite.org/fileformat2.html, 1.3).
        if head.count >= 64, head.starts(with: Array("SQLite format 3\0".utf8)) {
            userVersion = Int64(head[60..<64].reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
        }
    }

    /// Nil when there is no such file.
    public init?(of file: FilePath, named path: String? = nil) throws {
        guard let status = try FileStatus.of(file), status.kind == .file else { return nil }
        self.init(
            path: path ?? file.string, size: status.size, inode: status.inode, head: try file.prefix(64))
    }

    /// Returns true when both are the same file. Inodes are certain. Sizes and versions can only show a difference, and
    /// a server may be writing.
    func isSame(as other: SeenDatabase) -> Bool {
        if let inode, let theirs = other.inode { return inode == theirs }
        return size == other.size && userVersion == other.userVersion
    }
}
