// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// The pages of a tree, and the rows on them.
extension Salvage {
    /// Hands over every readable page of a tree, from the left, each once.
    ///
    /// - Returns: For each unreadable page in the tree, the rowids on it, or below.
    mutating func walk(
        below root: Int, _ body: (inout Salvage, Int, SQLitePages.Kind) throws -> Void
    ) throws -> [ClosedRange<Int64>] {
        let all = Int64.min...Int64.max
        guard root >= 1, seen.insert(root) else { return [all] }
        // No recursion: a damaged tree may be as deep as it has pages.
        var waiting = [(page: root, rowids: all)]
        var gaps: [ClosedRange<Int64>] = []
        while let (page, rowids) = waiting.popLast() {
            try cancellation.check()
            let kind = try pages.kind(page)
            switch kind {
            case .other: gaps.append(rowids)
            case .tableLeaf, .indexLeaf: try body(&self, page, kind)
            case .tableInterior, .indexInterior:
                try body(&self, page, kind)
                guard let children = try pages.children(page) else {
                    gaps.append(rowids)
                    continue
                }
                for (child, below) in Self.parts(of: rowids, children).reversed() {
                    if !pages.isPage(child) {
                        gaps.append(below)
                    } else if seen.insert(child) {
                        waiting.append((child, below))
                    }
                }
            }
        }
        return gaps
    }

    /// Returns the ranges of a page's rowids below each of its children. Keys that contradict the order are ignored.
    static func parts(
        of rowids: ClosedRange<Int64>, _ children: [SQLitePages.Child]
    ) -> [(Int, ClosedRange<Int64>)] {
        var low = rowids.lowerBound
        return children.map { child in
            let high = child.highest ?? rowids.upperBound
            guard low <= high, high <= rowids.upperBound else { return (child.page, rowids) }
            let part = low...high
            if high < Int64.max { low = high + 1 }
            return (child.page, part)
        }
    }

    /// - Parameters:
    ///   - isKnown: True when a readable page names the table of the rows; otherwise the rows must fit exactly one
    ///     table.
    ///   - keepsOthers: True to keep rows that fit no table in the lost and found.
    mutating func add(
        _ page: Int, to tables: [Table], isKnown: Bool = true, keepsOthers: Bool = true
    ) throws {
        try cancellation.check()
        let (records, unreadable) = try pages.records(page)
        if isKnown, let table = tables.first { result.tables[table.name]?.rowsLost += Int64(unreadable) }
        for record in records {
            // A row of an unclaimed page goes into the only table that could have it.
            let fitting = tables.filter { fits(record, $0, isKnown: isKnown) }
            if fitting.count == 1, try insert(record, fitting[0]) { continue }
            if keepsOthers { try lostAndFound.keep(record, of: page) }
        }
    }

    func fits(_ record: SQLitePages.Record, _ table: Table, isKnown: Bool) -> Bool {
        guard table.hasRowid == (record.rowid != nil) else { return false }
        if isKnown { return record.values.count <= table.columns.count }
        guard record.values.count == table.columns.count else { return false }
        return record.rowid.map { rowid in table.gaps.contains { $0.contains(rowid) } } ?? true
    }

    mutating func insert(_ record: SQLitePages.Record, _ table: Table) throws -> Bool {
        var values: [SQLiteValue] = []
        for (index, name) in table.columns.enumerated() where name != nil {
            var value = index < record.values.count ? record.values[index] : .null
            if index == table.rowidColumn { value = SQLiteValue(record.rowid) }
            values.append(value)
        }
        do {
            try table.insert.run(values)
            result.tables[table.name]?.rows += 1
            return true
        } catch let error as SQLiteError where [19, 20].contains(error.code) {
            // SQLITE_CONSTRAINT, SQLITE_MISMATCH
            return false
        }
    }
}
