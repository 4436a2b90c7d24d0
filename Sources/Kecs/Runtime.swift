// SPDX-License-Identifier: Apache-2.0

/// What is known of an instance's processes. Unknown never creates and never deletes.
public enum RuntimeState: Hashable, Sendable {
    case absent
    case stopped
    case running
    case paused
    case unknown(String)

    /// As `cli.md` spells it.
    public var name: String {
        switch self {
        case .absent: "absent"
        case .stopped: "stopped"
        case .running: "running"
        case .paused: "paused"
        case .unknown: "unknown"
        }
    }

    /// Whether processes may be writing, or may be about to when they are resumed.
    public var mayWrite: Bool {
        switch self {
        case .absent, .stopped: false
        case .running, .paused, .unknown: true
        }
    }
}

/// How an instance runs. Everything is idempotent: calling twice is calling once.
///
/// Nothing above this protocol may assume containers, or that a part is a folder of this host.
public protocol Runtime: Sendable {
    /// Asks; never guesses: what cannot be told is `.unknown`.
    func state() async -> RuntimeState
    /// Brings the instance's processes up and waits until they answer, at most `limit`. Does nothing more when they run.
    func start(limit: Duration) async throws
    /// Ends the instance's processes and sees them ended. Does nothing when nothing runs.
    func stop(limit: Duration) async throws
    /// Runs `body` while nothing of the instance can write, and lets it go on afterwards whatever happens.
    ///
    /// - Throws: `Failure` when it cannot be frozen; the body has not run then.
    func whileFrozen<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value
    /// Lets go on what a killed run left frozen.
    func thaw() async throws
    /// What has bytes that belong into a backup.
    func parts() async throws -> [Part]
    /// Where it answers, for people: "http://127.0.0.1:5373". Empty when nothing listens.
    func endpoints() -> [Endpoint]
    /// Whether `start` would start a process at all: a local instance may be only data.
    var runsSomething: Bool { get }
    /// Takes away what was made to run the instance, once it is stopped. Data stays.
    func remove() async throws
    /// Whether `remove` belongs to a stop, once a verified backup is there: a cluster goes, a container stays.
    var goesWhenStopped: Bool { get }
    /// Of the programs that it runs with: "docker": "28.2.2". Empty when they cannot be told.
    func versions() async -> [String: String]
}

extension Runtime {
    public func remove() async throws {}
    public var goesWhenStopped: Bool { false }
    public func versions() async -> [String: String] { [:] }
}

public struct Endpoint: Hashable, Sendable, Encodable {
    /// "api", "admin"
    public var name: String
    public var url: String

    public init(name: String, url: String) {
        self.name = name
        self.url = url
    }
}
