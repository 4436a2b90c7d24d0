// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

/// What the two ends of a move say to each other: for each step the question on standard input and the answer on standard
/// output, in JSON.
public enum Arrival {
    /// Raised when an end that does not know it would do something else than what it is asked.
    public static let dialect = 1

    /// What is about to come.
    public struct Question: Codable, Hashable, Sendable {
        var dialect = Arrival.dialect
        /// The version of the end that asks.
        var tool: String
        var name: String
        /// As it is there, with the paths of that end.
        var config: InstanceConfig
        /// The instance's folder at the end that asks.
        var folder: String
        /// How much is unpacked, in bytes.
        var sourceBytes: Int64
        /// The volumes that are filled.
        var volumes: [String]
        /// True for a second instance, false for the same one.
        var isClone: Bool
        /// Ports that were asked for, by their settings; they stand in `config` for a move.
        var ports: [String: Int]
        /// Nil when nothing that comes is encrypted, or of an end that does not tell.
        var sealed: Sealed?
    }

    /// What stands in the way, all of it.
    public struct Look: Codable, Hashable, Sendable {
        var dialect = Arrival.dialect
        var tool: String
        var home: String
        var problems: [Problem]
        /// The ports that it will have.
        var ports: [String: Int]
        /// The backup that an unfinished move has put in place.
        var landed: BackupID?
        var notes: [String]
    }

    public struct Problem: Codable, Hashable, Sendable {
        var status: Int32
        var message: String
        var cause: String?
        var remedy: String?

        init(_ failure: Failure) {
            status = failure.status
            message = failure.message
            cause = failure.cause
            remedy = failure.remedy.map(Remedy.line)
        }
    }

    /// A backup's files. They are kept by their digests until it is put together, so that what is there already, from
    /// whichever backup, is not sent again.
    public struct Offer: Codable, Hashable, Sendable {
        var name: String
        var instanceId: String
        var from: String
        var files: [File]
        /// How much is unpacked, in bytes.
        var sourceBytes: Int64
    }

    public struct File: Codable, Hashable, Sendable {
        /// In the backup's folder: “data.tar.gz”, “minio/0001.tar.gz”.
        var name: String
        var bytes: Int64
        var sha256: String
    }

    public struct Wanted: Codable, Hashable, Sendable {
        /// Only the receiver with the newest number writes: an older one hangs on a connection that is gone.
        var generation: Int
        /// How many bytes are there, by digest.
        var have: [String: Int64]
    }

    /// Before the bytes of a stretch: a line of JSON.
    struct Header: Codable, Hashable, Sendable {
        var sha256: String
        var offset: Int64
        var bytes: Int64
    }

    /// All files are there: put the backup together, verify it, and make or replace the instance.
    public struct Landing: Codable, Hashable, Sendable {
        var question: Question
        var id: BackupID
        var files: [File]
    }

    public struct Landed: Codable, Hashable, Sendable {
        var parts: [String]
        var ports: [String: Int]
        var notes: [String]
        /// The digests of files that came damaged and were removed; nothing was put in place then.
        var damaged: [String]
    }

    /// The end of a move: nothing of it is kept aside.
    public struct Farewell: Codable, Hashable, Sendable {
        var name: String
        var instanceId: String
    }
}

extension Arrival.File {
    /// - Throws: `Failure` for names that lie outside the backup's folder.
    func checked() throws -> Arrival.File {
        let names = name.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(names.count),
            names.allSatisfy({ FilePath.Component(String($0))?.kind == .regular }),
            Self.isDigest(sha256), bytes >= 0
        else { throw Failure(.usage, "“\(printable(Array(name.utf8)))” is no file of a backup") }
        return self
    }

    static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
}
