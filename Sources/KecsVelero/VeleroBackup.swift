// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// A backup of Velero as its folder in the bucket shows it, with the judgement on it.
public struct VeleroBackup: Sendable {
    public enum Verdict: String, Sendable, Encodable, CaseIterable {
        case restorable
        /// It can be restored, but something is not in it.
        case withErrors = "restorable with errors"
        /// It cannot be restored, or not as a whole.
        case damaged
        /// Velero would not take it for a backup: the leftovers of an upload that failed.
        case notABackup = "not a backup"
        /// Its content is unknown: encrypted, not readable for this user, in an unknown format.
        case unreadable
    }

    /// The depth of the examination.
    public enum Depth: String, Sendable, Encodable {
        /// The metadata, the small lists, the sizes of all files.
        case sizes
        /// Every block of every object, and the tar inside.
        case blocks
    }

    /// An object of the backup, under its name in the backup's folder.
    public struct Object: Sendable, Encodable {
        public var name: String
        public var bytes: Int64
        public var layout: StoredObject.Layout
        public var modified: Moment
        /// The reason why it cannot be used; nil where no problem was found.
        public var problem: String?
    }

    public let name: String
    public let depth: Depth
    public internal(set) var verdict = Verdict.restorable
    /// The reasons why the verdict is not the best one.
    public internal(set) var reasons: [String] = []
    /// Useful facts that change no verdict.
    public internal(set) var remarks: [String] = []
    /// True when bytes differ from those that were written, regardless of the verdict: a log that a restore does not
    /// need can be damaged too.
    public internal(set) var hasDamage = false
    /// Of the Backup object.
    public internal(set) var labels: [String: String] = [:]
    /// The release of the Kubernetes that it was made in, by major and minor number: "1.35". Nil when it does not say.
    public internal(set) var kubernetes: String?
    public internal(set) var phase: String?
    public internal(set) var startedAt: Moment?
    public internal(set) var completedAt: Moment?
    public internal(set) var expiresAt: Moment?
    public internal(set) var items: Int64?
    public internal(set) var errors: Int64 = 0
    public internal(set) var warnings: Int64 = 0
    public internal(set) var objects: [Object] = []
    /// The number of blocks whose checksum was confirmed.
    public internal(set) var blocks = 0

    public var bytes: Int64 { objects.total(\.bytes) }

    /// Returns "1.35" for "v1.35.5+k3s1"; nil for anything else.
    public static func release(_ version: String) -> String? {
        guard version.hasPrefix("v") else { return nil }
        let numbers = version.dropFirst().split(separator: ".").prefix(2)
        guard numbers.count == 2, numbers.allSatisfy({ !$0.isEmpty && $0.allSatisfy(\.isNumber) }) else {
            return nil
        }
        return numbers.joined(separator: ".")
    }

    init(_ name: String, depth: Depth) {
        self.name = name
        self.depth = depth
    }

    /// Lowers the verdict. The worst one stays: an unreadable object says less than a damaged one.
    mutating func lower(to verdict: Verdict, _ reason: String) {
        func rank(_ verdict: Verdict) -> Int {
            switch verdict {
            case .restorable: 0
            case .withErrors: 1
            case .unreadable: 2
            case .damaged: 3
            case .notABackup: 4
            }
        }
        if rank(verdict) > rank(self.verdict) { self.verdict = verdict }
        Self.add(reason, to: &reasons)
    }

    mutating func remark(_ remark: String) { Self.add(remark, to: &remarks) }

    /// Adds a sentence, up to the limit: a longer answer helps no reader, and a list of a bucket may have any length.
    private static func add(_ sentence: String, to list: inout [String]) {
        if list.count < sentenceLimit, !list.contains(sentence) { list.append(sentence) }
    }

    private static let sentenceLimit = 100

    /// The order in which Velero made them; what has no time, or the same, comes by its name, with `-10` after `-9`.
    public static func isOlder(_ left: VeleroBackup, _ right: VeleroBackup) -> Bool {
        let (a, b) = (left.startedAt?.seconds ?? .min, right.startedAt?.seconds ?? .min)
        let (short, long) = (left.name.utf8.count, right.name.utf8.count)
        return a != b ? a < b : short != long ? short < long : left.name < right.name
    }
}
