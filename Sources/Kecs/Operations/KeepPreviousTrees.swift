// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

/// Backs up the oldest trees that `undo` keeps, before another restore pushes them out: no state that was live is lost
/// unless the user asks for it.
struct KeepPreviousTrees: Sendable {
    let site: Site
    let instance: Instance

    /// Backs up the trees.
    ///
    /// - Returns: A sentence for each backup that was made.
    func run() async throws -> [String] {
        var told: [String] = []
        for record in try PreviousStack(folder: instance.folder).surplus() {
            guard let id = try await backUp(record) else { continue }
            told.append(
                "undo keeps \(PreviousStack.depth) states; what \(record.swap.id) had replaced is now the backup \(id)"
            )
        }
        return told
    }

    /// Backs up the trees of one record.
    ///
    /// - Returns: Nil when there are no files: volumes that were filled are backups already.
    private func backUp(_ record: PreviousStack.Record) async throws -> String? {
        let look = LookAtParts(
            instance: instance, earlier: [], seen: PartsSeen([]), isRunning: false,
            cancellation: site.machine.cancellation)
        var plans: [PartPlan] = []
        // The roots of the places where they were live.
        var roots: [String: PartRoot] = [:]
        for name in Set(record.swap.units.map(\.part)).sorted() {
            let units = try record.swap.units.filter { try $0.part == name && $0.previous.path.isPresent }
            guard let first = units.first else { continue }
            let isWhole = try units.count == 1 && first.staged != nil && first.previous.path.isFolder
            // For entries that were exchanged one by one, the folder above holds them.
            let root = isWhole ? first.previous.path : first.previous.path.removingLastComponent()
            let live = isWhole ? first.live.path : first.live.path.removingLastComponent()
            guard try root.isFolder else { continue }
            plans.append(try look.run(Part(name: name, place: .folder(root))))
            roots[name] =
                live == instance.folder.path
                ? .configuration : instance.root(of: Part(name: name, place: .folder(live)))
        }
        guard !plans.isEmpty else { return nil }
        let needed = plans.reduce(ByteCount(0)) { $0 + $1.roomNeeded }
        let free = try site.machine.freeSpace(instance.backups.folder)
        guard needed <= free else {
            throw Failure(
                .noRoom, "not enough free space to keep what \(record.swap.id) had replaced",
                cause:
                    "undo keeps \(PreviousStack.depth) states, and the oldest would have to become a backup: "
                    + "\(free) are free and about \(needed) are needed",
                remedy: "kecsctl backups prune \(instance.name)")
        }
        let draft = try BackupDraft(
            in: instance.backups, reason: .beforeRestore, at: site.machine.clock.now())
        do {
            let runtime = try site.runtime(instance)
            let captured = try await CaptureParts(
                site: site, instance: instance, runtime: runtime, draft: draft, look: look,
                freezing: .whereNeeded, ignoreChanging: []
            ).run(plans, [], consistency: .stopped, wasRunning: false)
            let parts = captured.parts.map { part in
                var part = part
                part.root = roots[part.name] ?? part.root
                return part
            }
            // The state is older than the backup's id says and need not be whole: it never counts as a good backup.
            var manifest = Manifest(
                id: draft.id, instance: instance.name.description, instanceId: instance.config.id,
                tool: site.tool, runtime: .init(kind: instance.config.runtime.rawValue), degraded: true,
                schemaVersion: nil, labels: ["replacedBy": record.swap.id], verified: true, parts: parts)
            manifest.sequence = try instance.backups.judged().nextSequence
            manifest.selected = parts.map(\.name)
            return try draft.commit(manifest).id.description
        } catch {
            draft.discard()
            throw error
        }
    }
}
