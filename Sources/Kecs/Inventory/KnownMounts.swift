// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import SystemPackage

/// The file systems that an instance's parts lie on. Of a disk that is not mounted only the empty mount point is seen: a
/// start would take the state for lost, and what it restored below that point would be hidden by the next mount.
struct KnownMounts: Sendable {
    let site: Site

    /// Writes down where the parts lie now, for the next check.
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
        // The look into the folders comes first: it makes an automounter mount what it had unmounted.
        let parts = try await site.inventory(of: instance, databases: .none).parts
        let table = try MountTable.current()
        for part in parts {
            guard let folder = part.part.root, let point = known[folder.string],
                !table.mounts.contains(where: { $0.point.string == point })
            else { continue }
            throw Failure(
                .partial, "“\(instance.name)” was not \(verb): \(point) is not mounted",
                cause: "\(folder) lay on it. "
                    + Remedy.line("If it is not to be mounted again: \(command) --force"),
                remedy: ShellWords.quote(["mount", point]))
        }
    }
}
