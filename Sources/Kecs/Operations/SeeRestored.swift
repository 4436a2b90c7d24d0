// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Checks whether the server that was started after a restore sees the restored database. Another folder may be mounted
/// there by now, or the file lies next to the one that it opens.
struct SeeRestored: Sendable {
    let site: Site

    /// Compares the server's file with the restored one.
    ///
    /// - Parameters:
    ///   - before: The inventory from before the restore, which says where the server keeps its database.
    ///   - parts: The names of the restored parts.
    /// - Returns: A note when the server's file cannot be examined.
    /// - Throws: `Failure(.failed)` when it sees another file, or none.
    func run(
        _ instance: Instance, _ before: Inventory?, parts: [String]
    ) async throws -> String? {
        let runtime = try site.runtime(instance)
        guard let (database, inventory) = try await database(instance, before), parts.contains(database.part),
            let inside = inventory.pathInside(of: database)
        else { return nil }
        let host = try database.file.flatMap { try SeenDatabase(of: $0.resolved()) }
        switch try await runtime.server.serverDatabase(at: inside) {
        case nil: return nil
        case .unknown(let why):
            return "cannot determine whether the server has the restored database: \(why)"
        case .nothing(let path):
            // A backup of an instance without a database has none either.
            guard host != nil || database.file == nil else { return nil }
            throw Failure(
                .failed,
                "the server of “\(instance.name)” does not see the restored data, and the restore was rolled back",
                cause: "it has no \(path)" + (host.map { ", where this host has \($0.path)" } ?? ""),
                remedy: "kecsctl inspect \(instance.name)")
        case .database(let seen):
            guard let host, !seen.isSame(as: host) else { return nil }
            throw Failure(
                .failed,
                "the server of “\(instance.name)” does not see the restored data, and the restore was rolled back",
                cause: "its database \(seen.path) has \(seen.size) bytes and is not \(host.path), which has "
                    + "\(host.size)",
                remedy: "kecsctl inspect \(instance.name)")
        }
    }

    /// Returns the place where the server keeps its database: as before the restore, when there may have been none.
    private func database(
        _ instance: Instance, _ before: Inventory?
    ) async throws -> (InventoryDatabase, Inventory)? {
        let inventory = try await before == nil ? site.inventory(of: instance) : before
        guard let inventory else { return nil }
        switch inventory.primary {
        case .found(let database, _): return (database, inventory)
        case .missing(let part, let path, _):
            let file = inventory.parts.first { $0.part.name == part }?.part.root?.appending(bytes: path)
            let database = InventoryDatabase(
                part: part, path: path, engine: .sqlite, bytes: 0, file: file)
            return (database, inventory)
        case .ambiguous, .inContainer, .none, .unknown: return nil
        }
    }
}
