// SPDX-License-Identifier: Apache-2.0
public import Kecs
import KecsBackups
import KecsSystem
public import KecsVelero
import SystemPackage

/// An orphan of an instance's store, and what became of it.
public struct OrphanItem: Encodable, Sendable {
    public var instance: String
    public var orphan: Orphan
    public var isRemoved: Bool

    private enum CodingKeys: String, CodingKey {
        case instance, path, kind, bytes, modified, why, removed
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(instance, forKey: .instance)
        try fields.encode(orphan.path, forKey: .path)
        try fields.encode(orphan.kind, forKey: .kind)
        try fields.encode(orphan.bytes, forKey: .bytes)
        try fields.encode(orphan.modified, forKey: .modified)
        try fields.encode(orphan.why, forKey: .why)
        try fields.encode(isRemoved, forKey: .removed)
    }
}

/// Removes what belongs to no backup from an instance's object store, on this host.
public struct CollectOrphans: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    private func state(_ instance: Instance) async throws -> RuntimeState {
        let state = await (try site.runtime(instance)).state()
        if case .unknown(let why) = state { throw Failure.unknownState(of: instance, why) }
        return state
    }

    /// - Throws: `Failure(.busy)` for an instance that runs.
    @discardableResult public func checkIsAtRest(_ instance: Instance) async throws -> RuntimeState {
        let state = try await state(instance)
        guard !state.mayWrite else {
            throw Failure(
                .busy, "the object store of “\(instance.name)” is in use",
                cause: "what is being written to it looks like what belongs to nothing",
                remedy: "kecsctl stop \(instance.name)")
        }
        return state
    }

    /// To be called under the instance's lock.
    ///
    /// - Throws: `Failure(.busy)` for an instance that runs, unless only asked what would go: what is being written looks the same.
    public func run(_ instance: Instance, dryRun: Bool) async throws -> [OrphanItem] {
        let state = dryRun ? try await self.state(instance) : try await checkIsAtRest(instance)
        let store = HostStore(instance: instance, machine: site.machine)
        let found = try store.orphans(isClusterGone: state == .absent)
        if state.mayWrite, !found.isEmpty {
            site.log("“\(instance.name)” runs: what is being written to its object store is among these")
        }
        return try found.map { orphan in
            try site.machine.cancellation.check()
            if !dryRun { try store.remove(orphan) }
            return OrphanItem(instance: instance.name.description, orphan: orphan, isRemoved: !dryRun)
        }
    }
}
