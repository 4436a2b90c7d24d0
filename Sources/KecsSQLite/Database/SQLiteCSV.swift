// SPDX-License-Identifier: Apache-2.0

extension SQLiteDatabase {
    /// Writes the answer as `sqlite3 -header -csv FILE SQL` does: a line of names, then a line for each row, ended by
    /// LF.
    ///
    /// Like that tool it writes nothing at all for no rows, NULL as nothing and an empty text as `""`.
    public func writeCSV(
        _ sql: String, _ arguments: SQLiteValue..., to write: @escaping ([UInt8]) throws -> Void
    ) throws {
        var sink = TextSink(write)
        var hasHeader = false
        try prepare(sql).run(arguments) { row in
            if !hasHeader { try sink.add(line(row.columns.map { field(.text($0)) })) }
            hasHeader = true
            try sink.add(line(row.values.map(field)))
        }
        try sink.flush()
    }

    /// A whole table or view.
    public func writeCSV(table: String, to write: @escaping ([UInt8]) throws -> Void) throws {
        try writeCSV("SELECT * FROM \(sqlIdentifier(table))", to: write)
    }

    private func line(_ fields: [[UInt8]]) -> [UInt8] {
        Array(fields.joined(separator: [UInt8(ascii: ",")])) + [UInt8(ascii: "\n")]
    }

    private func field(_ value: SQLiteValue) -> [UInt8] {
        let bytes: [UInt8]
        switch value {
        case .null: return []
        case .integer(let number): return Array(String(number).utf8)
        case .real(let number): bytes = Array(SQLiteText.format("%!.15g", number).utf8)
        case .text, .brokenText, .blob: bytes = value.bytes ?? []
        }
        // The tool's table needCsvQuote, and its separator.
        let needsQuotes =
            bytes.isEmpty
            || bytes.contains { $0 <= 32 || $0 >= 127 || $0 == 0x22 || $0 == 0x27 || $0 == 0x2c }
        guard needsQuotes else { return bytes }
        let quote = UInt8(ascii: "\"")
        return [quote] + bytes.flatMap { $0 == quote ? [quote, quote] : [$0] } + [quote]
    }
}
