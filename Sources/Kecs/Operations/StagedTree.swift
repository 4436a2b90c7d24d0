// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsStorage
import KecsSystem
import SystemPackage

/// One part unpacked beside the live one, and where it is to go.
struct StagedTree: Sendable {
    var part: String
    /// Holds what is to become live.
    var staged: FilePath
    var target: Target
    /// What its backup left out: the live folder's own stays.
    var excluded: Manifest.Excluded?
    /// Of the part: what its paths are called in `--path`, for example "data".
    var label: String

    enum Target: Sendable {
        /// The whole folder takes the place of this one.
        case folder(FilePath)
        /// Only these names of the folder change hands.
        case entries(of: FilePath, named: [String])
        /// What is staged goes in, everything else stays: `--path`, or a single database file.
        case overlay(on: FilePath)
        /// What is staged was only looked at: the volume is filled from the archive, by its runtime.
        case volume(String)
    }

    /// The exchanges that bring it in place.
    ///
    /// - Parameter kept: The folder for the old ones, on the instance's file system.
    func units(kept: FilePath, id: String) throws -> [Swap.Unit] {
        switch target {
        case .folder(let live):
            guard try Self.staysInPlace(live) else {
                return [
                    try Swap.Unit(
                        part: part, live: live, staged: staged,
                        previous: try Self.keep(live, kept: kept, id: id, part: part))
                ]
            }
            // Its entries change hands one by one.
            let old = try Self.keep(live, kept: kept, id: id, part: part)
            let names = Set(try staged.entries()).union(try live.entries())
                .filter { !Part.ours.contains($0.bytes) }
            return try names.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }.map { name in
                let new = staged.appending(name)
                return try Swap.Unit(
                    part: part, live: live.appending(name), staged: new.isPresent ? new : nil,
                    previous: old.appending(name))
            }
        case .entries(let folder, let named):
            return try named.compactMap { name in
                let new = staged.appending(name)
                let live = folder.appending(name)
                guard try new.isPresent || live.isPresent else { return nil }
                return try Swap.Unit(
                    part: part, live: live, staged: new.isPresent ? new : nil,
                    previous: try Self.keep(live, kept: kept, id: id, part: part).appending(name),
                    isRewritten: name == InstanceFolder.configName && new.isPresent ? true : nil)
            }
        case .volume: return []
        case .overlay(let live):
            var units: [Swap.Unit] = []
            try overlay(staged, live, kept: try Self.keep(live, kept: kept, id: id, part: part), &units)
            return units
        }
    }

    /// Every file of the staged tree for itself; a database's sidecars go away with the one they belong to.
    private func overlay(_ new: FilePath, _ old: FilePath, kept: FilePath, _ units: inout [Swap.Unit]) throws
    {
        for name in try new.entries() {
            let from = new.appending(name)
            let to = old.appending(name)
            let status = try FileStatus.of(from)
            let existing = try FileStatus.of(to)
            if status?.kind == .folder, existing?.kind == .folder {
                try overlay(from, to, kept: kept.appending(name), &units)
                continue
            }
            units.append(try Swap.Unit(part: part, live: to, staged: from, previous: kept.appending(name)))
            guard status?.kind == .file, try DatabaseEngine(of: from) != nil else { continue }
            for suffix in DatabaseEngine.sidecarSuffixes {
                let sidecar = FilePath(bytes: to.bytes + Array(suffix.utf8))
                let replacement = FilePath(bytes: from.bytes + Array(suffix.utf8))
                guard try sidecar.isPresent, try !replacement.isPresent,
                    let sidecarName = sidecar.lastComponent
                else { continue }
                units.append(
                    try Swap.Unit(
                        part: part, live: sidecar, staged: nil, previous: kept.appending(sidecarName)))
            }
        }
    }

    /// Whether the folder itself cannot be renamed: something is mounted on it, or its parent is not ours to change.
    private static func staysInPlace(_ live: FilePath) throws -> Bool {
        guard try live.isFolder else { return false }
        let above = live.removingLastComponent()
        if try above.mountID() != live.mountID() { return true }
        return above.withPlatformString { paths_access($0, W_OK | X_OK) } != 0
    }

    /// Whether a rename from one to the other can work: one file system, seen through one mount.
    private static func areTogether(_ one: FilePath, _ other: FilePath) throws -> Bool {
        func nearest(_ path: FilePath) throws -> FilePath {
            var place = path
            while try FileStatus.of(place) == nil { place = place.removingLastComponent() }
            return place
        }
        return try nearest(one).mountID() == nearest(other).mountID()
    }

    /// Where the old one is kept: with the instance when that is the same file system, else beside it, else in it.
    private static func keep(_ live: FilePath, kept: FilePath, id: String, part: String) throws -> FilePath {
        let inPlace = try staysInPlace(live)
        if inPlace, try !areTogether(live, kept) {
            return live.appending(".kecsctl-previous").appending(id)
        }
        let above = live.removingLastComponent()
        return try inPlace || areTogether(above, kept)
            ? kept.appending(part) : above.appending(".\(part).kecsctl-previous-\(id)")
    }

    /// Where to unpack so that the exchange is a rename: a fresh folder on the live folder's own file system.
    static func stagingFolder(
        for live: FilePath, part: String, id: String, in instance: InstanceFolder
    ) throws -> FilePath {
        let inPlace = try staysInPlace(live)
        if inPlace, try !areTogether(live, instance.path) {
            return live.appending(".kecsctl-restoring").appending("\(id)-\(Self.random())")
        }
        let above = live.removingLastComponent()
        return try inPlace || areTogether(above, instance.path)
            ? instance.restoring.appending(id).appending(part)
            : above.appending(".\(part).kecsctl-restoring-\(id)-\(Self.random())")
    }

    /// Outside the instance's folder others may be able to write: they must not know the name before it is there.
    private static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return String(generator.next() as UInt64, radix: 36)
    }
}

extension DatabaseEngine {
    /// By the file's first bytes; nil for anything that is no database, or no regular file.
    init?(of file: FilePath) throws {
        let head = try file.prefix(16)
        guard let engine = DatabaseEngine(firstBytes: head) else { return nil }
        self = engine
    }
}
