// SPDX-License-Identifier: Apache-2.0
public import SystemPackage

/// The engine of a database file, recognised by its first bytes, never by its name: `kecs.db` has been both.
public enum DatabaseEngine: String, Hashable, Sendable, Codable {
    case sqlite
    case duckdb
    /// An SQLite database's sidecars lie next to the file, but its first bytes are others: it is encrypted (SQLCipher),
    /// truncated or damaged. Copied as files, and only while no process writes to it.
    case unknown

    /// - Parameter firstBytes: At least 16 bytes; fewer are no database.
    public init?(firstBytes: [UInt8]) {
        let found = firstBytes.withUnsafeBytes { Self.recognise($0) }
        guard let found else { return nil }
        self = found
    }

    /// Recognises an engine without an array, for the walk over a tree.
    public static func recognise(_ bytes: UnsafeRawBufferPointer) -> DatabaseEngine? {
        guard bytes.count >= 16 else { return nil }
        // https://www.sqlite.org/fileformat.html#magic_header_string
        if bytes.prefix(16).elementsEqual("SQLite format 3\0".utf8) { return .sqlite }
        // DuckDB, src/include/duckdb/storage/storage_info.hpp: after an 8-byte checksum of the header block.
        if bytes[8..<12].elementsEqual("DUCK".utf8) { return .duckdb }
        return nil
    }

    /// The suffixes of the files that this engine keeps next to a database. They are part of the database, so such a
    /// file never stands for itself.
    public var sidecarSuffixes: [String] {
        switch self {
        // https://www.sqlite.org/tempfiles.html
        case .sqlite, .unknown: ["-wal", "-shm", "-journal"]
        case .duckdb: [".wal"]
        }
    }

    /// The suffixes of every engine.
    public static let sidecarSuffixes =
        DatabaseEngine.sqlite.sidecarSuffixes + DatabaseEngine.duckdb.sidecarSuffixes
}

extension DatabaseEngine {
    /// Recognises the engine by the file's first bytes alone; nil for a file that is not a database, and for anything but
    /// a regular file.
    ///
    /// - Throws: `FileError` when the file cannot be read, or is missing.
    public init?(of file: FilePath) throws { self.init(firstBytes: try file.prefix(16)) }

    /// Recognises the engine by the file's first bytes, or as `.unknown` by a sidecar; nil for a file that is not a
    /// database.
    ///
    /// - Parameter size: The size of the file in bytes; a small one is not opened.
    public init?(of file: FilePath, size: Int64) throws {
        if size >= 16, let engine = try DatabaseEngine(of: file) {
            self = engine
            return
        }
        guard try Self.unknown.sidecarSuffixes.contains(where: { try file.beside($0).isPresent }) else {
            return nil
        }
        self = .unknown
    }

    /// Returns true when the path leads to a regular file that begins as an SQLite database does.
    public static func isSQLite(_ path: FilePath) throws -> Bool {
        guard let file = try FileStatus.following(path), file.kind == .file else { return false }
        return try DatabaseEngine(of: path.resolved()) == .sqlite
    }
}
