// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
public import SystemPackage

/// The exchange at the heart of a restore and of `undo`: what lies staged beside takes the place of what is live, and
/// what was live is kept. Every step can be repeated, so that the journal can finish it or take it back.
public struct Swap: Codable, Hashable, Sendable {
    /// "20261121T014530Z-restore": names the folders in `.restoring/` and `.previous/`.
    public var id: String
    /// What it came from: a backup's id, a file, or "undo of …".
    public var from: String
    public var phase: Phase
    public var units: [Unit]
    /// Folders to be removed when all is over.
    public var staging: [PathText]
    /// Where the record of this swap and the old trees that lie with the instance are kept.
    public var previous: PathText

    public enum Phase: String, Codable, Sendable {
        /// Unpacking beside; the live trees are untouched. A kill now takes it back.
        case staging
        /// Everything staged is complete and checked; a kill from now on is finished forward.
        case swapping
    }

    /// One name that changes hands.
    public struct Unit: Codable, Hashable, Sendable {
        public var part: String
        public var live: PathText
        /// Nil: what is live only goes away.
        public var staged: PathText?
        /// Where the old one is kept: on the same file system as `live`.
        public var previous: PathText
        /// Inode numbers from before the first exchange tell afterwards how far it came.
        public var stagedInode: UInt64?
        public var liveInode: UInt64?

        public init(part: String, live: FilePath, staged: FilePath?, previous: FilePath) throws {
            self.part = part
            self.live = PathText(live)
            self.staged = staged.map { PathText($0) }
            self.previous = PathText(previous)
            stagedInode = try staged.flatMap { try FileStatus.of($0)?.inode }
            liveInode = try FileStatus.of(live)?.inode
        }

        /// Puts the new one in place and the old one away; does what is left of it when called again.
        public func finish() throws {
            let live = live.path
            let previous = previous.path
            let now = try FileStatus.of(live)?.inode
            if let staged = staged?.path {
                if now == nil || now != stagedInode {
                    if now == nil {
                        try live.removingLastComponent().createFolder(mode: 0o755)
                        try staged.renameWithoutReplacing(to: live)
                    } else {
                        try live.exchange(with: staged)
                    }
                    try live.removingLastComponent().sync()
                }
                if liveInode != nil, try FileStatus.of(staged) != nil, !previous.isPresent {
                    try previous.removingLastComponent().createFolder()
                    try staged.renameWithoutReplacing(to: previous)
                }
            } else if now != nil, now == liveInode, !previous.isPresent {
                try previous.removingLastComponent().createFolder()
                try live.renameWithoutReplacing(to: previous)
                try live.removingLastComponent().sync()
            }
        }

        /// Puts the old one back; does what is left of it when called again.
        public func takeBack() throws {
            let live = live.path
            let previous = previous.path
            let now = try FileStatus.of(live)?.inode
            if let staged = staged?.path {
                guard now != nil, now == stagedInode else { return }
                if liveInode == nil {
                    try live.renameWithoutReplacing(to: staged)
                } else if previous.isPresent {
                    try live.exchange(with: previous)
                    try previous.renameWithoutReplacing(to: staged)
                } else {
                    try live.exchange(with: staged)
                }
            } else if now == nil, previous.isPresent {
                try previous.renameWithoutReplacing(to: live)
            }
            try live.removingLastComponent().sync()
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

    /// Exchanges everything, keeps the record for `undo`, removes what is no longer needed.
    public func finish() throws {
        for unit in units { try unit.finish() }
        try previous.path.createFolder()
        try JSONFile.write(self, to: previous.path.appending(Self.recordName))
        try removeStaging()
    }

    /// Exchanges back whatever was exchanged, the last first, and removes what was staged.
    public func takeBack() throws {
        for unit in units.reversed() { try unit.takeBack() }
        try removeStaging()
        // An old tree that could not go back, because somebody removed the live one, is not thrown away.
        let isNeeded = units.contains { $0.previous.path.isPresent }
        if !isNeeded, previous.path.isPresent { try previous.path.removeTree() }
    }

    private func removeStaging() throws {
        for folder in staging where folder.path.isPresent { try folder.path.removeTree() }
    }
}
