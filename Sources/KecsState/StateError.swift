// SPDX-License-Identifier: Apache-2.0
public import SystemPackage

/// The reason why a file cannot be used as the state of an instance.
public enum StateError: Error, Hashable, Sendable, CustomStringConvertible {
    /// An SQLite database that is not ours: its `application_id` is another one, or it has none but tables.
    case notOurs(FilePath, applicationID: Int64)
    /// A newer kecsctl wrote it.
    case newer(FilePath, version: Int64, newest: Int64)
    /// It must be migrated first.
    case older(FilePath, version: Int64, newest: Int64)
    /// The step has no way back that keeps everything.
    case irreversible(step: Int64, name: String)
    /// There is no step to that version.
    case unknownVersion(Int64)
    /// A migration left rows that refer to nothing: "services → clusters (3)".
    case brokenReferences([String])
    /// A row has a value that is impossible for its column.
    case unreadable(table: String, column: String, why: String)

    public var description: String {
        switch self {
        case .notOurs(let path, let id):
            "\(path) is no kecsctl database: its application_id is 0x\(String(id, radix: 16, uppercase: true)), not 0x4B454353"
        case .newer(let path, let version, let newest):
            "\(path) has schema version \(version), written by a newer kecsctl; this one knows up to \(newest)"
        case .older(let path, let version, let newest):
            "\(path) has schema version \(version) and must be migrated to \(newest) first"
        case .irreversible(let step, let name):
            "migration \(step) (\(name)) cannot be taken back without losing data"
        case .unknownVersion(let version): "there is no schema version \(version)"
        case .brokenReferences(let broken):
            "rows would refer to nothing: \(broken.joined(separator: ", "))"
        case .unreadable(let table, let column, let why): "\(table).\(column): \(why)"
        }
    }
}
