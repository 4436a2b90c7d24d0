// SPDX-License-Identifier: Apache-2.0

/// A database that is a folder of files, recognised by a name that only its server makes. Each file is useless without
/// the others of the same moment.
public struct DatabaseFolder: Hashable, Sendable {
    public enum Server: String, Sendable {
        case postgresql
        /// MySQL or MariaDB, with InnoDB's tables.
        case mysql
        case mongodb
        /// LevelDB, RocksDB and other engines that keep their tables in a log-structured merge tree of their layout.
        case rocksdb
        case etcd
    }

    /// The path relative to the tree's root, without a slash at the end; empty for the root.
    public var path: [UInt8]
    public var server: Server

    /// The file that names the process which has the folder open. It would keep the next process from the folder if
    /// that pid were in use again, so it is never part of a backup
    /// (https://www.postgresql.org/docs/current/protocol-replication.html, BASE_BACKUP).
    public var lockFile: [UInt8]? {
        guard server == .postgresql else { return nil }
        return (path.isEmpty ? [] : path + Array("/".utf8)) + Array("postmaster.pid".utf8)
    }

    /// The file that each server keeps at a fixed place in each of its folders.
    private static let marks: [(name: String, server: Server)] = [
        // https://www.postgresql.org/docs/current/storage-file-layout.html
        ("global/pg_control", .postgresql),
        // https://dev.mysql.com/doc/refman/8.4/en/innodb-system-tablespace.html
        ("ibdata1", .mysql),
        // The root of WiredTiger's metadata: https://source.wiredtiger.com/develop/arch-metadata.html
        ("WiredTiger.turtle", .mongodb),
        // https://etcd.io/docs/v3.5/learning/persistent-storage-files/
        ("member/snap/db", .etcd),
    ]
    /// https://github.com/google/leveldb/blob/main/doc/impl.md: `MANIFEST-` and a number of at least six digits.
    private static let manifest = Array("MANIFEST-".utf8)

    /// - Parameter file: A regular file's path relative to the tree's root.
    init?(markedBy file: [UInt8]) {
        for (name, server) in Self.marks where file.hasEnd(name) {
            path = Array(file.dropLast(name.utf8.count + 1))
            self.server = server
            return
        }
        let slash = file.lastIndex(of: UInt8(ascii: "/"))
        let name = file[(slash.map { $0 + 1 } ?? 0)...]
        guard name.starts(with: Self.manifest) else { return nil }
        let digits = name.dropFirst(Self.manifest.count)
        guard digits.count >= 6, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        path = Array(file[..<(slash ?? 0)])
        server = .rocksdb
    }
}

extension [UInt8] {
    /// Returns true when the path ends with these names.
    fileprivate func hasEnd(_ names: String) -> Bool {
        let count = names.utf8.count
        guard self.count >= count, suffix(count).elementsEqual(names.utf8) else { return false }
        return self.count == count || self[self.count - count - 1] == UInt8(ascii: "/")
    }
}
