// SPDX-License-Identifier: Apache-2.0
public import Kecs

/// The description of a check, without running it: a row of `--list-checks`.
public struct CheckInfo: Hashable, Sendable, Encodable {
    public enum Scope: String, Sendable, Encodable {
        /// It runs once, for the machine or for all instances together.
        case machine
        case instance
    }

    /// The id. It is stable: scripts and alerts depend on it.
    public var id: String
    public var scope: Scope
    /// The statement that holds when the check passes, as a clause: "the database is sound".
    public var claim: String
    /// The worst that it can find.
    public var severity: Severity
    /// True when `--fix` may repair its findings. It then still makes only safe repairs.
    public var fixable: Bool
    /// The profile that includes the check; nil for the checks that always run.
    public var profile: String?

    public init(
        _ id: String, _ scope: Scope, _ severity: Severity, _ claim: String, fixable: Bool = false,
        profile: String? = nil
    ) {
        self.id = id
        self.scope = scope
        self.claim = claim
        self.severity = severity
        self.fixable = fixable
        self.profile = profile
    }
}

/// A question about a machine or an instance. Reads, never changes anything.
///
/// Runs at the same time as all others, for at most `Doctor.limit`. Blocking is fine; loops must check
/// `look.cancellation`.
public protocol Check: Sendable {
    var info: CheckInfo { get }
    /// - Returns: The problems and remarks; empty when the claim holds.
    /// - Throws: Any error when the question cannot be answered. It becomes a finding of its own.
    func run(_ look: Look) async throws -> [Finding]
}

/// A check that runs for each instance.
public protocol InstanceCheck: Check {
    func run(_ facts: InstanceFacts, _ look: Look) async throws -> [Finding]
}

extension InstanceCheck {
    public func run(_ look: Look) async throws -> [Finding] {
        guard let facts = look.facts else { return [] }
        return try await run(facts, look)
    }
}

/// The error of a check that cannot answer here, for a reason that is no trouble in itself.
public struct CannotTell: Error, Hashable, Sendable {
    public var why: String
    public init(_ why: String) { self.why = why }
}

extension CannotTell: ExplainedError {
    public func failure(_ message: (String) -> String) -> Failure {
        Failure(.failed, message("the instance could not be examined"), cause: why)
    }
}
