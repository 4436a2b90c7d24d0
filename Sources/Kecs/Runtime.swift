// SPDX-License-Identifier: Apache-2.0

/// The way in which an instance runs. Everything is idempotent: calling twice is calling once.
///
/// Nothing above this protocol may assume containers, or that a part is a folder of this host. What not every runtime has
/// stands in protocols beside it, and is reached through `volumeAccess`, `server`, `provision`, `engine` and `clusterBackups`: a
/// runtime that does not conform to one of them is a runtime without that. `RuntimeConformance` in the tests says what all
/// of them must keep.
public protocol Runtime: Sendable {
    /// Asks; never guesses: a state that cannot be determined is `.unknown`.
    func state() async -> RuntimeState
    /// Starts the instance's processes and waits until they answer, at most `limit`. Does nothing more when they run.
    func start(limit: Duration) async throws
    /// Waits until the running processes are healthy, at most `limit`, and starts nothing. `start` uses it.
    ///
    /// - Throws: `Failure` with the problem: `.timeout` when it did not become healthy, `.failed` when it has ended.
    func waitUntilHealthy(limit: Duration) async throws
    /// Ends the instance's processes and waits until they have ended. Does nothing when nothing runs.
    func stop(limit: Duration) async throws
    /// Runs `body` while no process of the instance can write, and resumes them afterwards, whatever happens.
    ///
    /// - Throws: `Failure` when it cannot be frozen; the body has not run then.
    func whileFrozen<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value
    /// Resumes the processes that a killed run left frozen.
    func thaw() async throws
    /// Returns the parts whose bytes belong into a backup.
    func parts() async throws -> [Part]
    /// True when `start` would start a process at all: a local instance may be only data.
    var runsSomething: Bool { get }
    /// Hands over what the server wrote, and with `follow` what it writes from now on.
    ///
    /// - Returns: False when the server's log is a file of the instance.
    func log(_ request: LogRequest, to sink: LogSink) async throws -> Bool
    /// Returns the versions of the programs that it runs with: "docker": "28.2.2". Empty when they cannot be
    /// determined.
    func versions() async -> [String: String]
}

extension Runtime {
    public func waitUntilHealthy(limit: Duration) async throws {}
    public func log(_ request: LogRequest, to sink: LogSink) async throws -> Bool { false }
    public func versions() async -> [String: String] { [:] }
}

/// What stands beside the core. A runtime that does not conform gets the answers of one without that.
extension Runtime {
    public var volumeAccess: any RuntimeVolumes { self as? any RuntimeVolumes ?? Without(runtime: self) }
    public var server: any RuntimeServer { self as? any RuntimeServer ?? Without(runtime: self) }
    public var provision: any RuntimeProvision { self as? any RuntimeProvision ?? Without(runtime: self) }
    public var engine: any RuntimeEngine { self as? any RuntimeEngine ?? Without(runtime: self) }
    public var clusterBackups: any RuntimeClusterBackups {
        self as? any RuntimeClusterBackups ?? Without(runtime: self)
    }
}

/// The answers of a runtime that has nothing but the core.
private struct Without: RuntimeVolumes, RuntimeServer, RuntimeProvision, RuntimeEngine, RuntimeClusterBackups
{
    let runtime: any Runtime

    var choosesPorts: Bool { runtime.runsSomething }

    func endpoints() async -> [Endpoint] { [] }

    func serverSetup() async throws -> ServerSetup {
        ServerSetup(
            parts: try await runtime.parts().map {
                InventoryPart(part: $0, role: PartRole(of: $0, inside: nil), presence: .present)
            }, endpoints: [])
    }
}
