// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import KecsSystem
public import SystemPackage

/// The exchange at the heart of a restore and of `undo`: the staged trees take the place of the live ones, and the live
/// ones are kept. Every step can be repeated, so that the journal can finish it or roll it back.
public struct Swap: Codable, Hashable, Sendable {
    /// "20261121T014530Z-restore": names the folders in `.restoring/` and `.previous/`.
    public var id: String
    /// The source: a backup's id, a file, or "undo of …".
    public var from: String
    public var phase: Phase
    public var units: [Unit]
    /// Folders to be removed when all is over.
    public var staging: [PathText]
    /// The folder that keeps the record of this swap and the old trees that lie with the instance.
    public var previous: PathText
    /// Volumes that were filled with it, for `undo`.
    public var fills: [Journal.VolumeFill]?
    /// The place of the units that are too many for this record.
    var unitFile: UnitFile?

    /// The id of the swap that this one undoes: its record is removed when this one is complete.
    public var replaces: String?

    public enum Phase: String, Codable, Sendable {
        /// Unpacking next to the live trees, which are untouched. A kill now rolls it back.
        case staging
        /// Everything staged is complete and checked; a kill from now on is finished forward.
        case swapping
    }

    /// A name that is exchanged.
    public struct Unit: Codable, Hashable, Sendable {
        public var part: String
        public var live: PathText
        /// The staged tree. Nil: the live one is only removed.
        public var staged: PathText?
        /// The place of the old tree: on the same file system as `live`.
        public var previous: PathText
        /// The inode numbers from before the first exchange. They show afterwards how far it came.
        public var stagedInode: UInt64?
        public var liveInode: UInt64?
        /// True for a file of ours that every start of the instance rewrites, so that another file than the staged one
        /// may be there afterwards.
        public var isRewritten: Bool?

        public init(
            part: String, live: FilePath, staged: FilePath?, previous: FilePath, isRewritten: Bool? = nil
        ) throws {
            self.part = part
            self.isRewritten = isRewritten
            self.live = PathText(live)
            self.staged = staged.map { PathText($0) }
            self.previous = PathText(previous)
            stagedInode = try staged.flatMap { try FileStatus.of($0)?.inode }
            liveInode = try FileStatus.of(live)?.inode
        }

        /// Puts the new tree in place and the old one away. When called again, or after an unfinished `takeBack`, it
        /// does the remaining steps.
        ///
        /// - Throws: `FileError`; `noSuchFileOrDirectory` when the new one is nowhere any more.
        public func finish(syncing: Bool = true) throws {
            let live = live.bytes
            let previous = previous.bytes
            let now = try live.inode()
            if isRewritten == true, liveInode != nil, try previous.inode() == liveInode { return }
            guard let staged = staged?.bytes else {
                if now != nil, now == liveInode, try !previous.isPresent {
                    try move(live, to: previous, syncing)
                    try sync(live, syncing)
                }
                return
            }
            if now == nil || now != stagedInode {
                // An unfinished `takeBack` left it in the place of the old one.
                guard
                    let new = try [staged, previous].first(where: { try $0.inode() == stagedInode }),
                    stagedInode != nil
                else { throw FileError("put in place", staged.path, .noSuchFileOrDirectory) }
                if now == nil {
                    try moveMakingFolder(new, to: live, mode: 0o755)
                } else {
                    try live.exchange(with: new)
                }
                try sync(live, syncing)
            }
            if liveInode != nil, try staged.isPresent, try !previous.isPresent {
                try move(staged, to: previous, syncing)
            }
        }

        /// Puts the old tree back. When called again, it does the remaining steps.
        public func takeBack(syncing: Bool = true) throws {
            let live = live.bytes
            let previous = previous.bytes
            let now = try live.inode()
            if isRewritten == true, liveInode != nil, now != liveInode {
                for place in [previous, staged?.bytes].compactMap(\.self)
                where try place.inode() == liveInode {
                    try place.path.rename(to: live.path)
                    return try sync(live, syncing)
                }
            }
            guard let staged = staged?.bytes else {
                if now == nil, try previous.isPresent {
                    try previous.renameWithoutReplacing(to: live)
                    try sync(live, syncing)
                }
                return
            }
            if now != nil, now == stagedInode {
                if liveInode == nil {
                    try move(live, to: staged, syncing)
                } else if try previous.inode() == liveInode {
                    try live.exchange(with: previous)
                } else if try staged.inode() == liveInode {
                    try live.exchange(with: staged)
                }
                try sync(live, syncing)
            }
            if stagedInode != nil, try previous.inode() == stagedInode, try !staged.isPresent {
                try move(previous, to: staged, syncing)
            }
        }

        /// Whether the new one is live.
        var isInPlace: Bool { get throws { try stagedInode != nil && live.bytes.inode() == stagedInode } }

        /// Syncs the folder that the path is in.
        private func sync(_ path: PathBytes, _ syncing: Bool) throws {
            if syncing { try path.folder.path.sync() }
        }

        private func move(_ from: PathBytes, to target: PathBytes, _ syncing: Bool) throws {
            try moveMakingFolder(from, to: target)
            try sync(target, syncing)
        }

        /// Makes the target's folder where it lacks: it does for the first unit of a folder only.
        private func moveMakingFolder(_ from: PathBytes, to target: PathBytes, mode: CModeT = 0o700) throws {
            do { try from.renameWithoutReplacing(to: target) } catch let error as FileError
                where error.errno == .noSuchFileOrDirectory
            {
                try target.folder.path.createFolder(mode: mode)
                try from.renameWithoutReplacing(to: target)
            }
        }
    }

    public init(id: String, from: String, units: [Unit], staging: [FilePath], previous: FilePath) {
        self.id = id
        self.from = from
        phase = .staging
        self.units = units
        self.staging = staging.map { PathText($0) }
        self.previous = PathText(previous)
    }

    /// The record that `undo` needs, in the folder of the old trees.
    public static let recordName = "swap.json"

    /// Exchanges everything, keeps the record for `undo`, and removes everything that is no longer needed.
    public func finish(_ cancellation: Cancellation? = nil) throws {
        try exchange()
        try removeStaging(cancellation)
    }

    /// Exchanges everything and keeps the record for `undo`. With the record the swap is complete.
    public func exchange() throws {
        let covers = units.covers()
        try forEach(units) { unit, syncing in
            // One that a later one replaced is not where it was put any more.
            if let later = covers[unit.live.bytes], try later.contains(where: { try $0.isInPlace }) { return }
            try unit.finish(syncing: syncing)
        }
        try previous.path.createFolder()
        let record = previous.path.appending(Self.recordName)
        try JSONFile.write(try written(beside: record), to: record)
        try Placement.note(in: previous.path.removingLastComponent().removingLastComponent(), after: record)
        try previous.path.removingLastComponent().sync()
    }

    /// Reverses every exchange, the last first. The staged trees are then where they were staged.
    public func exchangeBack() throws {
        try forEach(units.reversed()) { try $0.takeBack(syncing: $1) }
    }

    /// Runs each step and syncs it separately, unless there are very many: then all file systems are synced once, at
    /// the end. The journal holds the order, and the inodes show the state of every step.
    private func forEach(_ units: [Unit], _ body: (Unit, _ syncing: Bool) throws -> Void) throws {
        let isSyncedOnce = units.count > 200
        for unit in units { try body(unit, !isSyncedOnce) }
        guard isSyncedOnce else { return }
        var synced: Set<UInt64> = []
        for folder in Set(units.map(\.live.bytes.folder)) {
            if let device = try folder.status()?.device, synced.insert(device).inserted {
                try folder.path.syncFileSystem()
            }
        }
    }

    /// Reverses every exchange, and removes the staged trees. After an interruption here the swap can no longer be
    /// finished: the journal must say `.staging` by then.
    ///
    /// - Parameter cancellation: Leaves the removal of staged files to the next run.
    public func takeBack(_ cancellation: Cancellation? = nil) throws {
        try exchangeBack()
        try removeStaging(cancellation)
        // An old tree that could not go back, because another program removed the live one, is not thrown away.
        let isNeeded = try units.contains { try $0.previous.bytes.isPresent }
        if !isNeeded { previous.path.discard(into: previous.path.removingLastComponent()) }
        var seen: Set<PathBytes> = []
        for unit in units where seen.insert(unit.previous.bytes.folder).inserted {
            try unit.previous.path.removeEmptyFoldersOfOurs()
        }
    }

    /// Removes what is still staged. On a file system of its own nothing but the journal knows it: there it is removed
    /// to the end, whatever the cancellation says.
    public func removeStaging(_ cancellation: Cancellation? = nil) throws {
        let instance = previous.path.removingLastComponent().removingLastComponent()
        for folder in staging {
            folder.path.discard(
                into: folder.path.removingLastComponent(),
                folder.path.starts(with: instance) ? cancellation : nil)
            try folder.path.removeEmptyFoldersOfOurs()
        }
    }
}

extension FilePath {
    /// The prefixes of the names that we make outside the instance's folder.
    private static let ours = ["kecsctl-previous", "kecsctl-restoring"]

    /// Removes the folders above this path that we made outside the instance's folder, as far as they are empty.
    func removeEmptyFoldersOfOurs() throws {
        func isOurs(_ name: FilePath.Component) -> Bool { Self.ours.contains { name.string.contains($0) } }
        var folder = removingLastComponent()
        while folder.components.contains(where: isOurs) {
            guard folder.withPlatformString({ paths_rmdir($0) }) == 0 || errno == ENOENT else { return }
            folder = folder.removingLastComponent()
        }
    }
}
