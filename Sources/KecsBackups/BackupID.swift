// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// The reason why a backup was taken; the last part of its id.
public enum BackupReason: String, Sendable, Codable, CaseIterable {
    case manual, stop, schedule, imported
    case beforeRestore = "before-restore"
    case beforeMigration = "before-migration"
    case beforeDestroy = "before-destroy"
}

/// The id of a backup, which is also its folder's name: `20261121T014530Z-manual`, or `…-manual-2` for a second one in
/// the same second. Sorts by age as text.
public struct BackupID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let description: String
    public let createdAt: Moment
    public let reason: BackupReason
    /// 1 for the first backup of its second.
    public let number: Int

    public init(_ createdAt: Moment, _ reason: BackupReason, number: Int = 1) {
        self.createdAt = Moment(seconds: createdAt.seconds)
        self.reason = reason
        self.number = number
        description = createdAt.compact + "-" + reason.rawValue + (number > 1 ? "-\(number)" : "")
    }

    /// Nil for anything that this type would not print itself.
    public init?(_ text: String) {
        guard let dash = text.firstIndex(of: "-"), let createdAt = Moment(String(text[..<dash])) else {
            return nil
        }
        let rest = text[text.index(after: dash)...]
        for reason in BackupReason.allCases where rest.hasPrefix(reason.rawValue) {
            let tail = rest.dropFirst(reason.rawValue.count)
            let number = tail.isEmpty ? 1 : Int(tail.dropFirst()) ?? 0
            let id = BackupID(createdAt, reason, number: number)
            if id.description == text {
                self = id
                return
            }
        }
        return nil
    }

    public static func < (left: BackupID, right: BackupID) -> Bool {
        (left.createdAt, left.number, left.reason.rawValue)
            < (right.createdAt, right.number, right.reason.rawValue)
    }
}

extension BackupID: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let id = BackupID(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "“\(text)” is not a backup id")
        }
        self = id
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
