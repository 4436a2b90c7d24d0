// SPDX-License-Identifier: Apache-2.0
public import Kecs
import KecsSystem
import Testing

/// What every runtime must keep, whatever it runs: the comments of `Runtime` and of the protocols beside it, as
/// expectations. Each new kind of runtime passes `check` in its own tests.
public struct RuntimeConformance: Sendable {
    private let limit: Duration
    /// A new value for every call: what one remembers of its own calls must not matter, because in use each belongs to
    /// another process.
    private let make: @Sendable () throws -> any Runtime

    /// - Parameters:
    ///   - limit: Of each start and stop.
    ///   - make: Returns the runtime of an instance that runs something, and of which something may be there already.
    public init(limit: Duration = .seconds(120), _ make: @escaping @Sendable () throws -> any Runtime) {
        self.limit = limit
        self.make = make
    }

    private struct Broken: Error, Equatable {}

    public func check() async throws {
        try #require(try make().runsSomething)
        try await clear()
        try await checkNothing()
        try await make().start(limit: limit)
        let made = try await checkRunning()
        try await make().start(limit: limit)
        #expect(try await checkRunning() == made, "a second start changes nothing")
        try await checkFreezing()
        try await make().stop(limit: limit)
        try await checkStopped(made)
        try await make().stop(limit: limit)
        try await checkStopped(made)
        try await make().start(limit: limit)
        #expect(try await checkRunning() == made, "what was stopped comes back as it was")
        try await clear()
        try await checkNothing()
        try await make().start(limit: limit)
        #expect(try await checkRunning() == made, "what was removed is made again, around the same data")
        try await clear()
    }

    /// Stops and removes, each twice: for what is not there it is no error.
    private func clear() async throws {
        for _ in 1...2 { try await make().stop(limit: limit) }
        for _ in 1...2 { try await make().provision.remove() }
        let state = try await make().state()
        #expect(state == .absent || state == .stopped, "after stop and remove it is \(state.name)")
    }

    /// What runs not, and may not even be there.
    private func checkNothing() async throws {
        let state = try await make().state()
        #expect(!state.mayWrite && !state.isUnknown)
        // Nothing was frozen, and nothing has to be resumed.
        try await make().thaw()
        #expect(try await make().state() == state)
        #expect(try await make().engine.ownProcesses().isEmpty)
        #expect(try await make().server.outage() == nil)
        #expect(try await make().engine.wasTakenDown() == false)
    }

    /// - Returns: What must stay as it is over restarts.
    private func checkRunning() async throws -> [String] {
        #expect(try await make().state() == .running)
        try await make().waitUntilHealthy(limit: limit)
        let parts = try await make().parts()
        #expect(Set(parts.map(\.name)).count == parts.count, "each part has a name of its own")
        #expect(!parts.isEmpty, "an instance has data")
        let setup = try await make().server.serverSetup()
        let seen = Set(setup.parts.map(\.part.name))
        #expect(seen.isSuperset(of: parts.map(\.name)), "what is backed up is in the inventory")
        let endpoints = try await make().server.endpoints()
        #expect(setup.endpoints == endpoints)
        #expect(Set(endpoints.map(\.name)).count == endpoints.count)
        #expect(try await make().engine.wasTakenDown() == false)
        #expect(try await make().server.outage() == nil)
        let versions = try await make().versions()
        #expect(
            versions.allSatisfy { !$0.key.isEmpty && $0.value.contains(where: \.isNumber) }, "\(versions)")
        for part in parts {
            guard let volume = part.volumeOutOfReach else { continue }
            #expect(try await make().volumeAccess.folder(ofVolume: volume) == nil)
        }
        let place = try await make().server.statePlace()
        return parts.map { "\($0)" }.sorted() + endpoints.map { "\($0)" } + ["\(String(describing: place))"]
    }

    private func checkFreezing() async throws {
        let during = try await make().whileFrozen { try await make().state() }
        #expect(during.mayWrite, "frozen processes are still there: \(during.name)")
        #expect(during != .running, "a frozen server is not taken for one that runs")
        #expect(try await make().state() == .running, "what was frozen goes on")
        // Whatever happens in between.
        await #expect(throws: Broken.self) {
            try await make().whileFrozen { throw Broken() }
        }
        #expect(try await make().state() == .running)
        // Nothing is frozen now.
        for _ in 1...2 { try await make().thaw() }
        #expect(try await make().state() == .running)
    }

    private func checkStopped(_ made: [String]) async throws {
        let state = try await make().state()
        #expect(state == .stopped || state == .absent, "after a stop it is \(state.name)")
        // Somebody asked for that.
        #expect(try await make().engine.wasTakenDown() == false)
        #expect(try await make().engine.ownProcesses().isEmpty)
        let parts = try await make().parts().map { "\($0)" }
        #expect(Set(made).isSuperset(of: parts), "no stop moves the data")
        #expect(parts.count <= made.count)
    }
}
