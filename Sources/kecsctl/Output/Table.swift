// SPDX-License-Identifier: Apache-2.0

/// Rows under headers: columns aligned by their width on a terminal, two blanks between, none at the end of a line, `-`
/// for nothing.
struct Table: Hashable, Sendable {
    /// The headers in capitals.
    var header: [String]
    var rows: [[String?]]
    /// The columns that are right-aligned: sizes and counts.
    var rightAligned: Set<Int> = []

    /// - Parameter width: The width of the terminal; the widest columns are then shortened, with `…` at the cut. Nil:
    ///   nothing is cut.
    func text(width: Int?) -> String {
        Self.text(header, rightAligned, width: width) { add in rows.forEach(add) }
    }

    /// Prints rows that are made one by one, twice: half a million of them would take 100 MB at once.
    static func text(
        _ header: [String], _ rightAligned: Set<Int>, width: Int?, rows: (_ add: ([String?]) -> Void) -> Void
    ) -> String {
        func cells(_ row: [String?]) -> [String] {
            row.map { $0.flatMap { $0.isEmpty ? nil : $0.printable } ?? "-" }
        }
        var widths = header.map(Cells.count)
        rows { row in
            for (column, cell) in cells(row).enumerated() {
                widths[column] = max(widths[column], Cells.count(cell))
            }
        }
        if let width { fit(&widths, header: header, into: width) }
        var text = ""
        func add(_ row: [String]) {
            let line = row.indices.map { column in
                pad(cut(row[column], to: widths[column]), widths[column], rightAligned.contains(column))
            }.joined(separator: "  ")
            text +=
                line.prefix(upTo: line.lastIndex { $0 != " " }.map(line.index(after:)) ?? line.startIndex)
                + "\n"
        }
        add(header)
        rows { add(cells($0)) }
        return text
    }

    private static func pad(_ cell: String, _ width: Int, _ isRightAligned: Bool) -> String {
        let blanks = String(repeating: " ", count: max(0, width - Cells.count(cell)))
        return isRightAligned ? blanks + cell : cell + blanks
    }

    /// Narrows the widest column, one character at a time, but never below its header and never below 6.
    private static func fit(_ widths: inout [Int], header: [String], into limit: Int) {
        let least = zip(widths, header).map { min($0, max(6, $1.count)) }
        while widths.reduce(0, +) + 2 * (widths.count - 1) > limit {
            let candidates = widths.indices.filter { widths[$0] > least[$0] }
            guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { return }
            widths[widest] -= 1
        }
    }

    private static func cut(_ cell: String, to width: Int) -> String {
        Cells.count(cell) <= width ? cell : Cells.prefix(cell, width - 1) + "…"
    }
}
