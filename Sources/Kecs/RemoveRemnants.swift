// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

/// Removes the leftovers of killed runs, and retries failed removals. Anything that still cannot be removed goes to, or
/// stays in, `.going/` and blocks nothing: no verb fails because of rubbish.
struct RemoveRemnants: Sendable {
    let site: Site

    /// Removes the leftovers. Call it under the instance's lock, when no draft can be in use.
    ///
    /// - Returns: The removed things, in sentences for people.
    /// - Throws: `Interrupted` too: what is left then is left to the next run.
    func run(_ instance: Instance) throws -> [String] {
        var told: [String] = []
        let cancellation = site.machine.cancellation
        for name in try instance.backups.sweep() { told.append("removed what a killed run left: \(name)") }
        try removeDrafts(of: instance)
        for place in places(instance.name) {
            try Remnants(in: place).retry(cancellation) { going throws(Interrupted) in
                // While an old tree elsewhere stays, its record must, too.
                do {
                    return try PreviousTrees(folder: going).removeOuterTrees(
                        besides: instance.folder.path, cancellation)
                } catch let error as Interrupted { throw error } catch { return true }
            }
        }
        Remains(home: site.home).sweep()
        return told
    }

    /// Returns the places of the remnants of an instance: each on the same file system as the original.
    func places(_ name: InstanceName) -> [FilePath] {
        [
            site.home.folder(of: name).path, site.home.folder(of: name).previous,
            site.home.backupStore(of: name).folder, site.home.instances, site.home.backups,
        ]
    }

    /// Removes drafts of our small files that a killed run had not renamed yet: `.config.json.1x2y.draft`; and the
    /// folder that a killed rescue worked in.
    private func removeDrafts(of instance: Instance) throws {
        let own = [
            "config.json", "journal.json", "journal.units", "server.json", "duty.json", "containers.json",
            Placement.fileName,
        ]
        for name in try instance.folder.path.entries() {
            let text = name.string
            let isDraft = text.hasSuffix(".draft") && own.contains { text.hasPrefix(".\($0).") }
            let isWorkplace =
                text.hasPrefix(FilePath.privateFolderPrefix) && !FilePath.isMadeForRestores(name)
            guard isDraft || isWorkplace else { continue }
            instance.folder.path.appending(name).discard(
                into: instance.folder.path, site.machine.cancellation)
        }
    }
}
