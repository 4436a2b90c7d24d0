// SPDX-License-Identifier: Apache-2.0
import KecsSQLite

/// The differences between two states of an instance, seen from the first to the second.
public struct Difference: Encodable, Hashable, Sendable {
    public var parts: [Part]

    public struct Part: Encodable, Hashable, Sendable {
        public var name: String
        public var files: [File]
        public var tables: [Table]
    }

    public struct File: Encodable, Hashable, Sendable {
        /// The path, printable: everything but plain text is escaped.
        public var path: String
        /// `added`, `removed`, `changed` or `metadata` (same bytes, other mode, owner or time).
        public var change: String
        public var bytesBefore: Int64?
        public var bytesAfter: Int64?
    }

    /// A table whose rows differ; a count is nil where there is no such table.
    public struct Table: Encodable, Hashable, Sendable {
        public var database: String
        public var table: String
        /// `added`, `removed`, `rows` (another number of them) or `content` (as many, with other values).
        public var change: String
        public var rowsBefore: Int64?
        public var rowsAfter: Int64?
    }

    public var isEmpty: Bool { parts.allSatisfy { $0.files.isEmpty && $0.tables.isEmpty } }
}

/// A state of a part, as a comparison needs it.
struct PartState: Sendable {
    /// A digest of 32 bytes, as there is much to compare: an instance may have a million files, on both sides.
    struct File: Hashable, Sendable {
        var size: Int64
        /// The hash of the kind, and of a file's SHA-256 or a link's target. `Hasher` has a different key in every
        /// process, so no one can craft two contents that count as equal.
        private var content: (UInt64, UInt64)
        /// The hash of mode, owner, group and time.
        private var facts: UInt64

        init(
            kind: String, size: Int64, mode: UInt32, owner: UInt32, group: UInt32, modified: String,
            content text: String
        ) {
            self.size = size
            func hash(_ values: any Hashable...) -> UInt64 {
                var hasher = Hasher()
                for value in values { hasher.combine(value) }
                return UInt64(bitPattern: Int64(hasher.finalize()))
            }
            content = (hash(1, kind, text), hash(2, kind, text))
            facts = hash(mode, owner, group, modified)
        }

        func hasSameContent(as other: File) -> Bool { size == other.size && content == other.content }

        static func == (left: File, right: File) -> Bool {
            left.hasSameContent(as: right) && left.facts == right.facts
        }

        func hash(into hasher: inout Hasher) { hasher.combine(facts) }
    }

    /// The number of files for which there is room from the beginning; a table that grows is there twice for a moment.
    static let usualLimit = 1 << 20

    /// The files by raw path. Databases are not among them: they differ by their rows.
    var files: [[UInt8]: File] = [:]
    /// Rows by table, by the database's printable path; nil rows for an engine that we cannot read.
    var databases: [String: [String: Int64]] = [:]
    /// The SHA-256 of each database's captured bytes. For an engine that we cannot read, nothing else is known.
    var databaseContents: [String: String] = [:]
    /// The rows of the SQLite databases, table by table: equal for two files whose pages differ.
    var databaseRows: [String: DatabaseContent] = [:]
}

extension Difference.Part {
    init(_ name: String, before: PartState, after: PartState, printable: ([UInt8]) -> String) {
        self.name = name
        files = []
        tables = []
        // Of a million paths nothing is kept twice, and no list grows by doubling.
        var different = after.files.keys.filter { before.files[$0] != after.files[$0] }
        different += before.files.keys.lazy.filter { after.files[$0] == nil }
        different.sort { $0.lexicographicallyPrecedes($1) }
        files.reserveCapacity(different.count)
        for path in different {
            let old = before.files[path]
            let new = after.files[path]
            let change: String =
                switch (old, new) {
                case (nil, _): "added"
                case (_, nil): "removed"
                case (let old?, let new?):
                    old.hasSameContent(as: new) ? "metadata" : "changed"
                }
            files.append(
                Difference.File(
                    path: printable(path), change: change, bytesBefore: old?.size, bytesAfter: new?.size))
        }
        for database in Set(before.databases.keys).union(after.databases.keys).sorted() {
            let old = before.databases[database] ?? [:]
            let new = after.databases[database] ?? [:]
            let (oldRows, newRows) = (before.databaseRows[database], after.databaseRows[database])
            for table in Set(old.keys).union(new.keys).sorted() {
                let isSame =
                    oldRows == nil || newRows == nil
                    || oldRows?.tables[table]?.digest == newRows?.tables[table]?.digest
                guard old[table] != new[table] || !isSame else { continue }
                let change =
                    old[table] == nil
                    ? "added" : new[table] == nil ? "removed" : old[table] != new[table] ? "rows" : "content"
                tables.append(
                    Difference.Table(
                        database: database, table: table, change: change, rowsBefore: old[table],
                        rowsAfter: new[table]))
            }
            let isListed = tables.contains { $0.database == database }
            // Where both were read row by row their pages may differ: only indexes, views and triggers remain.
            if let oldRows, let newRows {
                if !isListed, oldRows.schema != newRows.schema {
                    files.append(
                        Difference.File(path: database, change: "changed", bytesBefore: nil, bytesAfter: nil))
                }
                continue
            }
            if !isListed, before.databaseContents[database] != after.databaseContents[database] {
                let change =
                    before.databases[database] == nil
                    ? "added" : after.databases[database] == nil ? "removed" : "changed"
                files.append(
                    Difference.File(path: database, change: change, bytesBefore: nil, bytesAfter: nil))
            }
        }
    }
}

extension Difference.Part {
    /// Creates the state of a part without databases.
    public init(named name: String, files: [Difference.File]) {
        self.init(name: name, files: files, tables: [])
    }
}

extension Difference.File {
    public init(at path: String, change: String, before: Int64?, after: Int64?) {
        self.init(path: path, change: change, bytesBefore: before, bytesAfter: after)
    }
}
