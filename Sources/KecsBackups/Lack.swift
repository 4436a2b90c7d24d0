// SPDX-License-Identifier: Apache-2.0

/// Something that a backup does not hold although the instance had it when it was last good.
public struct Lack: Codable, Hashable, Sendable {
    public enum Kind: String, Sendable {
        case missing, empty, unreadable, torn
        /// A database that had tables and has none.
        case noTables = "no tables"
        /// It lies behind a link that leads out of the part.
        case outside
        /// It was written to while it was read, by a process that could not be frozen.
        case inUse = "in use"
        /// Another file has its name, made since then by another program, with less in it.
        case replaced
    }

    public var part: String
    /// The path of a database or a file below the part's root, printable; absent for the whole part.
    public var path: String?
    /// A `Kind`; another one comes from a later version.
    public var kind: String
    /// The reason, as a clause: "is missing; 20261121T014530Z-manual has it with 289 rows".
    public var detail: String

    public init(part: String, path: String? = nil, _ kind: Kind, _ detail: String) {
        self.part = part
        self.path = path
        self.kind = kind.rawValue
        self.detail = detail
    }

    /// The name as `--accept-loss` takes it: `PART` or `PART/PATH`.
    public var name: String { path.map { "\(part)/\($0)" } ?? part }

    public var sentence: String { "\(name) \(detail)" }
}
