// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
public import KecsSystem

/// What an instance needs beside its data to run: how it is made, what it is called, and how it goes.
public protocol RuntimeProvision: Sendable {
    /// Checks whether a first start can succeed, before anything of the instance exists. May fetch an image.
    ///
    /// - Returns: The detected settings, which stay in effect: where an adopted container keeps its data.
    func prepare() async throws -> [SettingKey: JSONValue]
    /// Makes the places that exist only with a container, which are anonymous volumes, by making the container, and
    /// starts nothing. Does nothing when there is one. Called before a restore into an instance that has nothing yet.
    func makePlaces() async throws
    /// Removes everything that was made to run the instance, once it is stopped. Data stays.
    func remove() async throws
    /// Removes everything that only this runtime needs, once the instance uses another one. Called when it is stopped.
    func leave() async throws
    /// Removes what holds nothing but what its programs remember, once everything else of the instance goes: volumes that
    /// were made for a cluster. Called after `remove`, by a destroy only.
    func forget() async throws
    /// True when `remove` belongs to a stop, once a verified backup is there: a cluster goes, a container stays.
    var goesWhenStopped: Bool { get }
    /// True when a new instance gets ports. A server that was not made by kecsctl has those that it publishes, or none.
    var choosesPorts: Bool { get }
    /// Returns the things outside of the home that carry the instance's name.
    func nameTies() async throws -> NameTies
    /// Returns why a second instance cannot be made of this one's data; nil when it can.
    func obstacleToCloning() -> String?
    /// Checks whether these parts of a backup can be used by what runs the instance now.
    ///
    /// - Throws: `Failure(.usage)` with the limit that is in the way.
    func checkRestore(of manifest: Manifest, parts: Set<String>) throws
}

extension RuntimeProvision {
    public func prepare() async throws -> [SettingKey: JSONValue] { [:] }
    public func makePlaces() async throws {}
    public func remove() async throws {}
    public func leave() async throws { try await remove() }
    public func forget() async throws {}
    public var goesWhenStopped: Bool { false }
    public func nameTies() async throws -> NameTies { .free }
    public func obstacleToCloning() -> String? { nil }
    public func checkRestore(of manifest: Manifest, parts: Set<String>) throws {}
}
