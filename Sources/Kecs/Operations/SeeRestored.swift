// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import SystemPackage

/// Whether the server that was started after a restore has the restored database before it: another folder may be mounted
/// there by now, or the file lies beside the one that it opens.
struct SeeRestored: Sendable {
    let site: Site

    /// - Parameters:
    ///   - before: The inventory of before, which says where the server keeps its database.
    ///   - parts: What was restored.
    /// - Returns: A note when nobody can look through the server's eyes.
    /// - Throws: `Failure(.failed)` when it sees another file, or none.
    func run(
        _ instance: Instance, _ before: Inventory?, parts: [String]
    ) async throws -> String? {
        let runtime = try site.runtime(instance)
        guard let (database, inventory) = try await database(instance, before), parts.contains(database.part),
            let inside = inventory.pathInside(of: database)
        else { return nil }
        let host = try database.file.flatMap { try SeenDatabase(of: $0.resolved()) }
        switch try await runtime.serverDatabase(at: inside) {
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

    /// Where the server keeps it: as it was before the restore, which may have been of nothing.
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
