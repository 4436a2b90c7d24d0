// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
public import KecsSystem
import SystemPackage

/// A line of `history.jsonl`, as far as every version can read it.
public struct HistoryRecord: Sendable, Hashable, Decodable {
    public var at: Moment
    /// "backup", "restore" …
    public var command: String
    public var status: Int32
    public var result: JSONValue

    public init(at: Moment, command: String, status: Int32, result: JSONValue) {
        self.at = at
        self.command = command
        self.status = status
        self.result = result
    }

    /// Returns the result for one instance: the result itself, or its element when the command worked on several.
    public func result(of name: InstanceName) -> JSONValue? {
        let candidates = result["results"]?.array ?? [result]
        return candidates.first { $0["instance"]?.string == name.description }
    }

    /// Returns true when it succeeded for this instance; nil when the line is not about it.
    public func succeeded(for name: InstanceName) -> Bool? {
        guard let mine = result(of: name) else { return nil }
        switch mine["outcome"]?.string {
        case "done", "already", "partial": return true
        case "failed": return false
        case "planned", "skipped": return nil
        default: return status == 0
        }
    }
}

extension JSONValue {
    /// The number, whatever its form.
    public var double: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .real(let number): number
        default: nil
        }
    }
}

extension History {
    /// The content of the file, the oldest line first.
    public struct Contents: Sendable {
        public var records: [HistoryRecord] = []
        /// Lines that are no record: cut off by a full disk, or edited.
        public var brokenLines = 0
        /// True when older lines than these were left unread.
        public var isCut = false

        public init(records: [HistoryRecord] = [], brokenLines: Int = 0) {
            self.records = records
            self.brokenLines = brokenLines
        }
    }

    /// The last `limit` bytes' worth; empty when there is no history yet.
    public func read(limit: Int = 16 << 20) throws -> Contents {
        var contents = Contents()
        guard try file.isPresent else { return contents }
        let (bytes, isWhole) = try file.tail(limit)
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)[...]
        // The first one may have been cut in the middle by the limit.
        if !isWhole { lines = lines.dropFirst() }
        contents.isCut = !isWhole
        let decoder = JSONDecoder()
        for line in lines {
            do {
                contents.records.append(try decoder.decode(HistoryRecord.self, from: Data(line)))
            } catch {
                contents.brokenLines += 1
            }
        }
        return contents
    }
}
