// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// The file systems that an instance's parts lie on. Of a disk that is not mounted only the empty mount point is seen: a
/// start would take the state for lost, and what it restored below that point would be hidden by the next mount.
struct KnownMounts: Sendable {
    let site: Site

    /// Writes down where the parts lie now, for the next check. A container that is gone says nothing new.
    func note(_ instance: Instance) async throws {
        guard let inventory = try await inventory(instance) else { return }
        try note(instance, inventory.parts)
    }

    /// Writes down where these parts lie now.
    func note(_ instance: Instance, _ parts: [InventoryPart]) throws {
        let table = try MountTable.current()
        var config = try InstanceConfig.read(instance.folder.config)
        var mounts: [String: String] = [:]
        for part in parts {
            guard let folder = part.part.root else { continue }
            if part.presence == .present {
                let point = table.mount(of: folder.resolved())?.point ?? "/"
                if point != "/" { mounts[folder.string] = point.string }
            } else {
                mounts[folder.string] = config.mounts?[folder.string]
            }
        }
        let found = mounts.isEmpty ? nil : mounts
        guard found != config.mounts else { return }
        config.mounts = found
        try config.write(to: instance.folder.config)
    }

    /// - Parameters:
    ///   - verb: “dev” was not …: "started", "restored".
    ///   - command: What was called, for the way around.
    /// - Throws: `Failure(.partial)` when a part's file system is not mounted.
    func check(_ instance: Instance, verb: String, _ command: String) async throws {
        guard let known = instance.config.mounts else { return }
        // The inventory comes first: its look into the folders makes an automounter mount what it had unmounted.
        // What a container that is gone had mounted is to be where it was.
        let parts = try await inventory(instance)?.parts
        let folders = parts?.compactMap { $0.part.root?.string } ?? known.keys.sorted()
        let table = try MountTable.current()
        for folder in folders {
            guard let point = known[folder], !table.mounts.contains(where: { $0.point.string == point })
            else { continue }
            throw Failure(
                .partial, "“\(instance.name)” was not \(verb): \(point) is not mounted",
                cause: "\(folder) lay on it. "
                    + Remedy.line("If it is not to be mounted again: \(command) --force"),
                remedy: ShellWords.quote(["mount", point]))
        }
    }

    /// Returns nil when the container is gone that would say which parts there are.
    private func inventory(_ instance: Instance) async throws -> Inventory? {
        do {
            return try await site.inventory(of: instance, databases: .none)
        } catch let failure as Failure where failure.kind == .notFound {
            return nil
        }
    }
}
