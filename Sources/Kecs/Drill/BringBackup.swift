// SPDX-License-Identifier: Apache-2.0
import KecsArchive
public import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

/// Brings a backup from a remote among the instance's own here, where it stays.
public struct BringBackup: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// - Returns: Its id. One that is here already, byte for byte of its sums, is not fetched again.
    /// - Throws: `Failure(.notFound)`, `Failure(.damaged)`, `Failure(.noRoom)`, `Failure(.unreachable)`; also
    ///   `Failure(.usage)` when another backup of the id is here.
    public func run(
        _ source: RemoteSource, for name: InstanceName, lock: LockRequest
    ) async throws -> BackupID {
        let found = try await find(source, for: name)
        let store = site.home.backupStore(of: name)
        let sums = store.folder.appending(found.id.description).appending(BackupStore.sumsName)
        if try sums.isPresent, sha256(try sums.contents(limit: BackupStore.largestRecord)) == found.sums,
            store.look(at: found.id).state == .complete
        {
            return found.id
        }
        let fetched = try await FetchedBackup(source, for: name, site: site, command: lock.command)
        do {
            let move = MoveBackup(site: site)
            let backup = try await site.lockedBackups(name, lock) {
                try store.folder.createFolder()
                return try move.importBundle(fetched.folder, to: name)
            }
            try await fetched.close()
            return backup.id
        } catch {
            // What failed is told; the next command removes what was fetched.
            try? await fetched.close()
            throw error
        }
    }

    /// - Throws: As `run`, without fetching anything.
    public func find(_ source: RemoteSource, for name: InstanceName) async throws -> RemoteBackup {
        try await ListRemoteBackups(site: site).find(
            source.wanted, of: source.instance ?? name, on: source.remote)
    }
}
