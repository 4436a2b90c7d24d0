// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
public import KecsSystem

/// The report of a rehearsal of a restore, also of its dry run; the evidence holds it too.
public struct DrillReport: OperationReport {
    public static let kind = "DrillReport"
    public var outcome: Outcome
    /// The backup's id.
    public var backup: BackupID
    /// The remote on which it lies; absent for one that lies here.
    public var remote: String?
    /// True when the drill passed; nil for a plan.
    public var passed: Bool?
    public var problems: [Problem] = []
    public var parts: [String]
    public var databases: [Database] = []
    /// The server; nil when it was not to be started.
    public var server: Server?
    /// The steps, in the order in which they were done.
    public var steps: [Step] = []
    public var startedAt: Moment
    public var durationSeconds: Double = 0
    /// The file that keeps this report; nil for a plan.
    public var evidence: String?
    /// The program that did it, with its version.
    public var tool: Manifest.Tool
    /// Notes for the user that are not problems of the backup.
    public var notes: [String] = []

    public struct Problem: Encodable, Hashable, Sendable {
        public enum Kind: String, Encodable, Sendable {
            /// The bytes differ from those that were written, or a database is damaged.
            case damaged
            /// The backup does not hold something that the instance had.
            case lacking
            /// The rows differ from those that the manifest counted.
            case rows
            /// A database of another kind has its name.
            case schema
            /// The server did not come up on the restored data.
            case server
        }

        public var kind: Kind
        public var part: String?
        /// The path of a database or a file in the part.
        public var path: String?
        /// The reason, as a clause.
        public var why: String

        var sentence: String {
            let place = [part, path].compactMap(\.self).joined(separator: "/")
            return place.isEmpty ? why : "\(place) \(why)"
        }
    }

    /// A database after the restore.
    public struct Database: Encodable, Hashable, Sendable {
        public var part: String
        public var path: String
        public var engine: DatabaseEngine
        public var bytes: Int64
        public var sha256: String
        /// True when its bytes equal those that were captured.
        public var isSame: Bool
        /// The rows of each table; nil for an engine that cannot be read here.
        public var tables: [String: Int64]?
    }

    public struct Server: Encodable, Hashable, Sendable {
        public var endpoints: [Endpoint]
        /// The time until the server was healthy; nil when it was not.
        public var healthySeconds: Double?
    }

    public struct Step: Encodable, Hashable, Sendable {
        public var name: String
        public var seconds: Double
    }

    /// The failure's kind. Bytes and rows are either right or wrong, so the backup is damaged.
    public var failedStatus: Failure.Kind { .damaged }

    /// Returns the failure to report for a failed drill.
    public func failure(of name: InstanceName) -> Failure? {
        guard passed == false, let first = problems.first else { return nil }
        let more = problems.count > 1 ? ", and \(problems.count - 1) more" : ""
        let place = remote.map { " on “\($0)”" } ?? ""
        return Failure(
            .damaged,
            "the backup “\(backup)” of “\(name)”\(place) failed its drill and does not count as a good one",
            cause: first.sentence + more,
            remedy: remote.map { "kecsctl backups copy \(name)/\(backup) --to \($0)" }
                ?? "kecsctl backup \(name)")
    }
}
