// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// A finished operation on an instance, as `history` shows it.
public struct HistoryItem: Encodable, Hashable, Sendable {
    /// The time at which it ended.
    public var at: Moment
    public var command: String
    /// Nil where the operation was about no instance.
    public var instance: String?
    public var status: Int32
    /// `done`, `already`, `planned`, `partial`, `skipped` or `failed`; nil where the operation has none.
    public var outcome: String?
    public var durationSeconds: Double?
    /// The backup that was made, or worked on.
    public var backup: String?
    /// The error.
    public var message: String?
    /// The whole recorded result.
    public var result: JSONValue

    /// A line has one result, or several.
    static func items(of record: HistoryRecord) -> [HistoryItem] {
        (record.result["results"]?.array ?? [record.result]).map { HistoryItem(record, $0) }
    }

    private init(_ record: HistoryRecord, _ result: JSONValue) {
        at = record.at
        command = record.command
        status = record.status
        instance = result["instance"]?.string
        outcome = result["outcome"]?.string
        durationSeconds = result["durationSeconds"]?.double
        backup = result["backup"]?["id"]?.string ?? result["backup"]?.string ?? result["id"]?.string
        let error =
            result["error"] ?? result["lackError"] ?? result["startError"] ?? result["imagesError"]
            ?? result["pruneError"]
        message = error?["message"]?.string
        self.result = result
    }
}

/// The options of `history`.
public struct HistoryQuery: Sendable {
    /// The instances of the wanted operations; empty for all.
    public var instances: Set<String>
    public var since: Moment?
    /// The number of newest operations to show.
    public var last: Int?

    public init(instances: Set<String> = [], since: Moment? = nil, last: Int? = nil) {
        self.instances = instances
        self.since = since
        self.last = last
    }

    /// - Returns: The oldest first, in the order in which they ended.
    public func items(in contents: History.Contents) -> [HistoryItem] {
        let fitting = contents.records.filter { record in since.map { record.at >= $0 } ?? true }
            .flatMap(HistoryItem.items)
            .filter { item in
                instances.isEmpty || (item.instance.map(instances.contains) ?? false)
            }
        return last.map { Array(fitting.suffix($0)) } ?? fitting
    }
}
