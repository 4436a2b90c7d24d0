// SPDX-License-Identifier: Apache-2.0
public import KecsStorage
public import KecsSystem

/// What a rehearsal of a restore found, or would look at; also what its evidence holds.
public struct DrillReport: OperationReport {
    public static let kind = "DrillReport"
    public var outcome: Outcome
    /// The backup's id.
    public var backup: BackupID
    /// Nil for a plan.
    public var passed: Bool?
    public var problems: [Problem] = []
    public var parts: [String]
    public var databases: [Database] = []
    /// Nil when it was not to be started.
    public var server: Server?
    /// In the order in which they were done.
    public var steps: [Step] = []
    public var startedAt: Moment
    public var durationSeconds: Double = 0
    /// The file that keeps this report; nil for a plan.
    public var evidence: String?
    /// By whom it was done.
    public var tool: Manifest.Tool
    /// What the person should know and what is no problem of the backup.
    public var notes: [String] = []

    public struct Problem: Encodable, Hashable, Sendable {
        public enum Kind: String, Encodable, Sendable {
            /// Bytes are not what was written, or a database is not whole.
            case damaged
            /// What the instance had and the backup does not hold.
            case lacking
            /// Its rows are not those that the manifest counted.
            case rows
            /// A database of another kind has its name.
            case schema
            /// The server did not come up on what was restored.
            case server
        }

        public var kind: Kind
        public var part: String?
        /// Of a database or a file in the part.
        public var path: String?
        /// A clause.
        public var why: String

        var sentence: String {
            let place = [part, path].compactMap(\.self).joined(separator: "/")
            return place.isEmpty ? why : "\(place) \(why)"
        }
    }

    /// One database as it was after the restore.
    public struct Database: Encodable, Hashable, Sendable {
        public var part: String
        public var path: String
        public var engine: DatabaseEngine
        public var bytes: Int64
        public var sha256: String
        /// Whether its bytes are those that were captured.
        public var isSame: Bool
        /// Of each table; nil for an engine that cannot be read here.
        public var tables: [String: Int64]?
    }

    public struct Server: Encodable, Hashable, Sendable {
        public var endpoints: [Endpoint]
        /// Until it was well; nil when it did not become well.
        public var healthySeconds: Double?
    }

    public struct Step: Encodable, Hashable, Sendable {
        public var name: String
        public var seconds: Double
    }

    /// Bytes and rows are right or they are not: it is the backup that is damaged.
    public var failedStatus: Failure.Kind { .damaged }

    /// What a failed drill is to the person.
    public func failure(of name: InstanceName) -> Failure? {
        guard passed == false, let first = problems.first else { return nil }
        let more = problems.count > 1 ? ", and \(problems.count - 1) more" : ""
        return Failure(
            .damaged, "the backup “\(backup)” of “\(name)” failed its drill and does not count as a good one",
            cause: first.sentence + more, remedy: "kecsctl backup \(name)")
    }
}
