// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// The one error that leaves an operation: the failed action, the cause, and a remedy. The kind alone decides the exit
/// status.
public struct Failure: Error, Hashable, Sendable {
    /// Raw values are the exit statuses of `docs/exit-status.md`.
    public enum Kind: Int32, Sendable {
        case failed = 1
        case partial = 3
        case notFound = 10
        case busy = 11
        case wrongKey = 12
        case damaged = 13
        case unreachable = 14
        case timeout = 15
        case noRoom = 16
        case problemsFound = 20
        case usage = 64
        case interrupted = 130
        case terminated = 143
    }

    public var kind: Kind
    /// A clause without a full stop, with the names in it: "k3d could not stop “dev”".
    public var message: String
    /// The cause. The words of other programs are quoted, never re-worded.
    public var cause: String?
    /// A command line that can be pasted, where one exists.
    public var remedy: String?
    /// An error that no case of `describing` knows: a defect of ours, to be reported.
    public internal(set) var isUnforeseen = false
    /// True when the server came up but is unhealthy. Another start would not change that.
    public var isServersState = false

    public init(_ kind: Kind, _ message: String, cause: String? = nil, remedy: String? = nil) {
        self.kind = kind
        self.message = message
        self.cause = cause
        self.remedy = remedy
    }

    public var status: Int32 { kind.rawValue }
}

/// In JSON: `{"status":13,"message":"…","cause":"…","remedy":"…"}`.
extension Failure: Encodable {
    private enum CodingKeys: String, CodingKey { case status, message, cause, remedy }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(status, forKey: .status)
        try container.encode(message, forKey: .message)
        try container.encodeIfPresent(cause?.masked, forKey: .cause)
        try container.encodeIfPresent(remedy.map(Remedy.line), forKey: .remedy)
    }
}
