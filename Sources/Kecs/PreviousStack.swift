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
