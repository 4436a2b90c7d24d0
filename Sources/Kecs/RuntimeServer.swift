// SPDX-License-Identifier: Apache-2.0
public import SystemPackage

/// What a look into the server tells: where it has its data, and what it sees of it.
public protocol RuntimeServer: Sendable {
    /// Returns the server's view of the outside: its parts, present or not, and the paths at which it sees them.
    func serverSetup() async throws -> ServerSetup
    /// Returns the place of the control plane's data: a folder or a whole volume. Nil: in the instance's data folder.
    ///
    /// - Throws: `Failure` when it lies where only the server can reach it.
    func statePlace() async throws -> Part.Place?
    /// Returns the owner that the data must have so that the server can write it; nil when any owner will do.
    func dataOwner() async throws -> (user: UInt32, group: UInt32)?
    /// Returns the server's addresses, for people: "http://127.0.0.1:5373". Only those that are really published; empty
    /// when none is.
    func endpoints() async -> [Endpoint]
    /// True when the server makes its database on its first start: then no other program may make it.
    var makesItsDatabase: Bool { get }
    /// Returns true when the control plane has data; nil when the data folder decides.
    func holdsState() async throws -> Bool?
    /// Returns a database as the server sees it; nil when nothing runs, or when it runs on this host like any other
    /// program.
    ///
    /// - Parameter path: The path inside the container, from `Inventory.pathInside`.
    func serverDatabase(at path: FilePath) async throws -> ServerView?
    /// Returns why the server answers no requests although the thing that runs the instance is there; nil when there is
    /// nothing to report.
    func outage() async -> String?
}

extension RuntimeServer {
    public func statePlace() async throws -> Part.Place? { nil }
    public func dataOwner() async throws -> (user: UInt32, group: UInt32)? { nil }
    public var makesItsDatabase: Bool { false }
    public func holdsState() async throws -> Bool? { nil }
    public func serverDatabase(at path: FilePath) async throws -> ServerView? { nil }
    public func outage() async -> String? { nil }
}
