// SPDX-License-Identifier: Apache-2.0
import KecsArchive
public import KecsSystem
import SystemPackage

/// The trees that restores replaced, newest first: those that `undo` can restore, and those that an `undo` removed.
public struct PreviousStack: Sendable {
    /// The number of swaps that are kept. Anything that would have to go is backed up first.
    public static let depth = 3

    let folder: InstanceFolder

    public init(folder: InstanceFolder) { self.folder = folder }

    /// A restore or an undo that can be undone.
    public struct Kept: Sendable, Encodable {
        public var id: String
        /// The source that it restored: a backup's id, a file, or “undo of …”.
        public var from: String
        public var at: Moment
        public var parts: [String]
        /// True when it is an undo: `--redo` brings back the state that it replaced.
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
        // Names with a dot are being removed.
        return try folder.previous.entries().filter { !$0.string.hasPrefix(".") }.compactMap { name in
            let place = folder.previous.appending(name)
            guard let swap = try PreviousTrees(folder: place).record(),
                let status = try FileStatus.of(place.appending(Swap.recordName))
            else { return nil }
            return Record(swap: swap, at: status.modified)
        }.sorted { ($0.at, $0.swap.id) > ($1.at, $1.swap.id) }
    }

    /// Returns the swap that the next `undo` reverses: the newest restore that was not undone yet, or with `redo` the newest
    /// undo.
    func next(redo: Bool = false) throws -> Record? { try records().first { $0.isUndo == redo } }

    /// Returns the records that have to go to make space for another one.
    func surplus() throws -> [Record] { Array(try records().dropFirst(Self.depth - 1)) }

    /// Returns the size of all kept trees, wherever they lie: a volume, or a part that is a mount point, keeps its
    /// replaced tree next to itself or in itself.
    public func bytes(_ cancellation: Cancellation) throws -> Int64 {
        func size(_ place: FilePath) throws -> Int64 {
            guard let status = try FileStatus.of(place) else { return 0 }
            guard status.kind == .folder else { return status.size }
            return try scanTree(TreeSource(root: place), cancellation: cancellation).bytes
        }
        let elsewhere = try records().flatMap(\.swap.units).map(\.previous.path)
            .filter { !$0.starts(with: folder.previous) }
        return try elsewhere.total(size).adding(try size(folder.previous))
    }

    /// Cleans up after a completed swap: removes the record that it undoes, and those in excess.
    ///
    /// - Parameter cancellation: Leaves the removal of the files to the next run.
    func settle(after swap: Swap, _ cancellation: Cancellation) throws {
        guard try folder.previous.isPresent else { return }
        // Only a name, whatever a record holds.
        if let old = swap.replaces.flatMap({ FilePath.Component($0) }), old.kind == .regular {
            let place = folder.previous.appending(old)
            if try place.isPresent {
                try PreviousTrees(folder: place).remove(from: folder.path, cancellation)
            }
        }
        let kept = Set(
            [swap.id] + (try records().map(\.swap.id).filter { $0 != swap.id }.prefix(Self.depth - 1)))
        for name in try folder.previous.entries() where !kept.contains(name.string) {
            try PreviousTrees(folder: folder.previous.appending(name))
                .remove(from: folder.path, cancellation)
        }
    }
}
