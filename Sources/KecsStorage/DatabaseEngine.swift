// SPDX-License-Identifier: Apache-2.0

/// A database that a file holds, recognised by its first bytes, never by its name: `kecs.db` has been both.
public enum DatabaseEngine: String, Hashable, Sendable, Codable {
    case sqlite
    case duckdb
    /// Has a SQLite database's sidecars beside it but other first bytes: encrypted (SQLCipher), truncated or damaged.
    /// Copied as files, only while nobody writes.
    case unknown

    /// - Parameter firstBytes: At least 16 bytes; fewer are no database.
    public init?(firstBytes: [UInt8]) {
        let found = firstBytes.withUnsafeBytes { Self.recognise($0) }
        guard let found else { return nil }
        self = found
    }

    /// Without an array, for the walk over a tree.
    static func recognise(_ bytes: UnsafeRawBufferPointer) -> DatabaseEngine? {
        guard bytes.count >= 16 else { return nil }
        // https://www.sqlite.org/fileformat.html#magic_header_string
        if bytes.prefix(16).elementsEqual("SQLite format 3\0".utf8) { return .sqlite }
        // DuckDB, src/include/duckdb/storage/storage_info.hpp: after an 8-byte checksum of the header block.
        if bytes[8..<12].elementsEqual("DUCK".utf8) { return .duckdb }
        return nil
    }

    /// What this engine keeps beside a database: part of it, so it never stands for itself.
    public var sidecarSuffixes: [String] {
        switch self {
        // https://www.sqlite.org/tempfiles.html
        case .sqlite, .unknown: ["-wal", "-shm", "-journal"]
        case .duckdb: [".wal"]
        }
    }

    /// Of whatever engine.
    public static let sidecarSuffixes =
        DatabaseEngine.sqlite.sidecarSuffixes + DatabaseEngine.duckdb.sidecarSuffixes
}
