// SPDX-License-Identifier: Apache-2.0

/// The outcome of an operation on an instance.
public enum Outcome: String, Encodable, Sendable {
    case done, already, planned, partial, skipped, failed
}

/// An operation's report on an instance. Table, JSON, history line and metrics are this value shown in several ways.
public protocol OperationReport: Encodable, Sendable {
    /// "BackupReport"
    static var kind: String { get }
    var outcome: Outcome { get }
    /// The exit status of a failed one.
    var failedStatus: Failure.Kind { get }
}

extension OperationReport {
    public var failedStatus: Failure.Kind { .failed }
}

/// An instance's report or its failure. In JSON the report's fields stand next to `instance`, `outcome` and `error`.
public struct InstanceResult<Report: OperationReport>: Encodable, Sendable {
    public let instance: String
    public let report: Report?
    public let failure: Failure?

    public init(_ instance: String, _ report: Report) {
        self.instance = instance
        self.report = report
        failure = nil
    }

    public init(_ instance: String, failure: Failure) {
        self.instance = instance
        report = nil
        self.failure = failure
    }

    public var outcome: Outcome { report?.outcome ?? .failed }

    private enum CodingKeys: String, CodingKey { case instance, outcome, error }

    public func encode(to encoder: any Encoder) throws {
        try report?.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(instance, forKey: .instance)
        try container.encode(outcome, forKey: .outcome)
        try container.encodeIfPresent(failure, forKey: .error)
    }
}
