// SPDX-License-Identifier: Apache-2.0
public import Kecs
public import KecsSystem

public enum Severity: String, Sendable, Encodable, CaseIterable, Comparable {
    case ok, info
    /// A check could not examine something, with the reason: it never counts as passed.
    case notLooked = "not-looked-at"
    case warning, error

    var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    public static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }
}

/// The message of a check, with the facts behind it.
public struct Finding: Sendable, Hashable {
    /// The id of the check; set by the doctor.
    public var id = ""
    public var severity: Severity
    /// The instance. The doctor sets it for a check of one instance, and other checks set it themselves when they are
    /// about one.
    public var instance: String?
    public var message: String
    public var evidence: [String: JSONValue]
    /// A command line that can be pasted.
    public var remedy: String?
    /// The repairs that `--fix` would make: safe, minimal and reversible. Empty when no such repair helps.
    public var repairs: [Repair]

    public init(
        _ severity: Severity, _ message: String, _ evidence: [String: JSONValue] = [:], remedy: String? = nil,
        repairs: [Repair] = [], instance: String? = nil
    ) {
        self.severity = severity
        self.message = message
        self.evidence = evidence
        self.remedy = remedy
        self.repairs = repairs
        self.instance = instance
    }

    public var fixable: Bool { !repairs.isEmpty }
}

extension Finding: Encodable {
    private enum CodingKeys: String, CodingKey {
        case id, severity, instance, message, evidence, remedy, fixable
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(id, forKey: .id)
        try fields.encode(severity, forKey: .severity)
        try fields.encodeIfPresent(instance, forKey: .instance)
        try fields.encode(message, forKey: .message)
        try fields.encode(evidence.mapValues(\.masked), forKey: .evidence)
        try fields.encodeIfPresent(remedy.map(Remedy.line), forKey: .remedy)
        try fields.encode(fixable, forKey: .fixable)
    }
}
