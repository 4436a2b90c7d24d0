// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// A numbered change of the schema. Its SQL runs inside a transaction, with foreign keys off, and never changes after
/// its release.
public struct SchemaStep: Hashable, Sendable {
    /// The `user_version` after it.
    public let version: Int64
    public let name: String
    public let up: String
    /// The SQL of the way back; nil where going back would lose data.
    public let down: String?
    /// The SHA-256 digest of `up`, in hexadecimal. The ledger compares it to see whether the step is still the applied
    /// one.
    public let checksum: String

    public init(_ version: Int64, _ name: String, up: String, down: String? = nil) {
        self.version = version
        self.name = name
        self.up = up
        self.down = down
        checksum = sha256(Array(up.utf8))
    }
}

/// All steps from nothing to the newest schema, in order.
public struct SchemaHistory: Sendable {
    public let steps: [SchemaStep]

    /// - Parameter steps: Versions must rise from 1 without a gap.
    public init(_ steps: [SchemaStep]) {
        precondition(steps.map(\.version) == (0..<steps.count).map { Int64($0 + 1) })
        self.steps = steps
    }

    public static let kecs = SchemaHistory([
        SchemaStep(
            1, "initial", up: String(decoding: PackageResources._001_initial_sql, as: UTF8.self),
            down: nil)
    ])

    public var newest: Int64 { steps.last?.version ?? 0 }

    /// A step in one direction: its statements, and the version after it.
    public struct Move: Hashable, Sendable {
        public let step: SchemaStep
        public let isUp: Bool
        public var sql: String { isUp ? step.up : step.down ?? "" }
        public var versionAfter: Int64 { isUp ? step.version : step.version - 1 }
    }

    /// Returns the moves from one version to the other, in order; none when they are the same.
    ///
    /// - Throws: `StateError.unknownVersion`, or `.irreversible` when a step on the way down has no way back.
    public func moves(from old: Int64, to new: Int64) throws -> [Move] {
        for version in [old, new] where version < 0 || version > newest {
            throw StateError.unknownVersion(version)
        }
        if old <= new {
            return steps[Int(old)..<Int(new)].map { Move(step: $0, isUp: true) }
        }
        return try steps[Int(new)..<Int(old)].reversed().map { step in
            guard step.down != nil else {
                throw StateError.irreversible(step: step.version, name: step.name)
            }
            return Move(step: step, isUp: false)
        }
    }
}
