// SPDX-License-Identifier: Apache-2.0
import KecsStorage
public import KecsSystem
import SystemPackage

/// The trees that restores replaced, newest first: what `undo` can go back to, and what an `undo` took away.
public struct PreviousStack: Sendable {
    /// As many are kept. Whatever would have to go is backed up first.
    public static let depth = 3

    let folder: InstanceFolder

    /// One restore, or one undo, that can be taken back.
    public struct Kept: Sendable, Encodable {
        public var id: String
        /// What was restored by it: a backup's id, a file, or “undo of …”.
        public var from: String
        public var at: Moment
        public var parts: [String]
        /// Whether it is an undo: what it took away comes back with `--redo`.
        public var isUndo: Bool
    }

    struct Record: Sendable {
        var swap: Swap
        var at: Moment

        var isUndo: Bool { swap.id.contains("-undo") }
        var parts: [String] {
            Set(swap.units.map(\.part)).union((swap.fills ?? []).map { $0.part ?? $0.volume }).sorted()
        }
    }

    func records() throws -> [Record] {
        guard try folder.previous.isPresent else { return [] }
        // Names with a dot are on their way out.
        return try folder.previous.entries().filter { !$0.string.hasPrefix(".") }.compactMap { name in
            let place = folder.previous.appending(name)
            guard let swap = try PreviousTrees(folder: place).record(),
                let status = try FileStatus.of(place.appending(Swap.recordName))
            else { return nil }
            return Record(swap: swap, at: status.modified)
        }.sorted { ($0.at, $0.swap.id) > ($1.at, $1.swap.id) }
    }

    /// What the next `undo` takes back: the newest restore that was not taken back yet; when there is none left, the
    /// newest undo, so that what it took away comes again.
    func next(redo: Bool = false) throws -> Record? {
        let records = try records()
        if redo { return records.first(where: \.isUndo) }
        return records.first { !$0.isUndo } ?? records.first
    }

    /// Those that have to go so that another fits.
    func surplus() throws -> [Record] { Array(try records().dropFirst(Self.depth - 1)) }

    /// What all that is kept takes, wherever it lies: a volume, and a part that is a mount point, keep what was replaced
    /// beside or in themselves.
    func bytes(_ cancellation: Cancellation) throws -> Int64 {
        func size(_ place: FilePath) throws -> Int64 {
            guard let status = try FileStatus.of(place) else { return 0 }
            guard status.kind == .folder else { return status.size }
            return try scanTree(TreeSource(root: place), cancellation: cancellation).bytes
        }
        let elsewhere = try records().flatMap(\.swap.units).map(\.previous.path)
            .filter { !$0.starts(with: folder.previous) }
        return try elsewhere.total(size).adding(try size(folder.previous))
    }

    /// Once a swap is a fact: the record that it takes back goes, and what is more than is kept.
    func settle(after swap: Swap) throws {
        guard try folder.previous.isPresent else { return }
        // A name and nothing more, whatever a record says.
        if let old = swap.replaces.flatMap({ FilePath.Component($0) }), old.kind == .regular {
            let place = folder.previous.appending(old)
            if try place.isPresent { try PreviousTrees(folder: place).remove(from: folder.path) }
        }
        let kept = Set(
            [swap.id] + (try records().map(\.swap.id).filter { $0 != swap.id }.prefix(Self.depth - 1)))
        for name in try folder.previous.entries() where !kept.contains(name.string) {
            try PreviousTrees(folder: folder.previous.appending(name)).remove(from: folder.path)
        }
    }
}

/// Backs up the oldest trees that `undo` keeps, before another restore pushes them out: nothing that was live is lost
/// without having been asked for.
struct KeepPreviousTrees: Sendable {
    let site: Site
    let instance: Instance

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

    /// - Returns: Nil when nothing lies there: volumes that were filled are backups already.
    private func backUp(_ record: PreviousStack.Record) async throws -> String? {
        let look = LookAtParts(
            instance: instance, earlier: [], seen: PartsSeen([]), isRunning: false,
            cancellation: site.machine.cancellation)
        var plans: [PartPlan] = []
        // Of the places where they were live.
        var roots: [String: PartRoot] = [:]
        for name in Set(record.swap.units.map(\.part)).sorted() {
            let units = try record.swap.units.filter { try $0.part == name && $0.previous.path.isPresent }
            guard let first = units.first else { continue }
            let isWhole = try units.count == 1 && first.staged != nil && first.previous.path.isFolder
            // Of exchanges one by one, the folder above holds what changed hands.
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
                .noRoom, "there is not enough room to keep what \(record.swap.id) had replaced",
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
            // It is older than its id says and need not be whole: it never counts as a good backup.
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
