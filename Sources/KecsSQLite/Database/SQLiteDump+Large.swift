// SPDX-License-Identifier: Apache-2.0
import CSQLite
import KecsSystem

/// Rows that are too large to be held in memory: their texts and blobs are read piece by piece.
extension SQLiteDatabase {
    /// The most memory that SQLite may use for a row while an ordinary one is written.
    static let rowLimit: Int32 = 8 << 20
    private static let piece = 1 << 20

    /// Returns the name of the table's rowid in a query; nil without one.
    func rowidName(of table: String, besides columns: [String]) -> String? {
        let taken = Set(columns.map { $0.lowercased() })
        guard let name = ["rowid", "_rowid_", "oid"].first(where: { !taken.contains($0) }),
            (try? prepare("SELECT \(name) FROM main.\(sqlIdentifier(table)) LIMIT 0")) != nil
        else { return nil }
        return name
    }

    /// Runs `body` with another limit for the size of a row.
    func limitingRows<Result>(to bytes: Int32, _ body: () throws -> Result) rethrows -> Result {
        let before = sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, bytes)
        defer { sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, before) }
        return try body()
    }

    /// Writes the row as `INSERT`, a piece of each value at a time.
    func addLargeRow(
        of table: String, _ rowid: Int64, named name: String, columns: [String], to sink: inout TextSink
    ) throws {
        try sink.add("INSERT INTO \(SQLiteText.name(table)) VALUES(")
        for (index, column) in columns.enumerated() {
            try patience.cancellation?.check()
            if index > 0 { try sink.add(",") }
            let place = "FROM main.\(sqlIdentifier(table)) WHERE \(name) = \(rowid)"
            // For a value's kind SQLite reads no more than the row's header.
            let kind = try value("SELECT typeof(\(sqlIdentifier(column))) \(place)")?.text
            if kind == "blob" {
                try sink.add("X'")
                try eachPiece(of: table, column, rowid) { try sink.add(SQLiteText.hexDigits($0)) }
                try sink.add("'")
            } else if kind == "text" {
                try addLargeText(of: table, column, rowid, to: &sink)
            } else if let small = try value("SELECT \(sqlIdentifier(column)) \(place)") {
                try sink.add(SQLiteText.literal(small))
            }
        }
        try sink.add(");\n")
    }

    private func addLargeText(
        of table: String, _ column: String, _ rowid: Int64, to sink: inout TextSink
    ) throws {
        func contains(_ mark: [UInt8]) throws -> Bool {
            var found = false
            var end: [UInt8] = []
            try eachPiece(of: table, column, rowid) { piece in
                guard !found else { return }
                let joined = end + piece
                found = joined.firstRange(of: mark) != nil
                end = Array(joined.suffix(mark.count - 1))
            }
            return found
        }
        if try value("PRAGMA encoding")?.text != "UTF-8" {
            // It is stored in another encoding than it is written in: no piece of it is available without the whole.
            let place = "FROM main.\(sqlIdentifier(table)) WHERE rowid = \(rowid)"
            if let whole = try value("SELECT \(sqlIdentifier(column)) \(place)") {
                try sink.add(SQLiteText.literal(whole))
            }
            return
        }
        if try contains([0]) {
            try sink.add("CAST(X'")
            try eachPiece(of: table, column, rowid) { try sink.add(SQLiteText.hexDigits($0)) }
            return try sink.add("' AS TEXT)")
        }
        let newline =
            try contains([0x0A]) ? SQLiteText.absentMark("\\n", "\\012", isPresent: contains) : nil
        let carriage =
            try contains([0x0D]) ? SQLiteText.absentMark("\\r", "\\015", isPresent: contains) : nil
        if newline != nil { try sink.add("replace(") }
        if carriage != nil { try sink.add("replace(") }
        try sink.add("'")
        try eachPiece(of: table, column, rowid) {
            try sink.add(SQLiteText.escaped($0, newline: newline, carriage: carriage))
        }
        try sink.add("'")
        if let carriage { try sink.add(Array(",'".utf8) + carriage + Array("',char(13))".utf8)) }
        if let newline { try sink.add(Array(",'".utf8) + newline + Array("',char(10))".utf8)) }
    }

    /// Reads a text's or a blob's bytes as they are stored.
    private func eachPiece(
        of table: String, _ column: String, _ rowid: Int64, _ body: ([UInt8]) throws -> Void
    ) throws {
        var blob: OpaquePointer?
        guard sqlite3_blob_open(handle, "main", table, column, rowid, 0, &blob) == SQLITE_OK else {
            throw lastError("\(table).\(column)")
        }
        defer { sqlite3_blob_close(blob) }
        let count = Int(sqlite3_blob_bytes(blob))
        var done = 0
        while done < count {
            try patience.cancellation?.check()
            let size = min(Self.piece, count - done)
            let bytes = try [UInt8](unsafeUninitializedCapacity: size) { room, filled in
                guard sqlite3_blob_read(blob, room.baseAddress, Int32(size), Int32(done)) == SQLITE_OK else {
                    throw lastError("\(table).\(column)")
                }
                filled = size
            }
            try body(bytes)
            done += size
        }
    }
}
