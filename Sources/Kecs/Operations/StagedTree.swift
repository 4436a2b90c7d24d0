// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsBackups
import KecsSystem
import SystemPackage

/// A part that is unpacked next to the live one, with its target.
struct StagedTree: Sendable {
    var part: String
    /// The folder with the tree that is to become live.
    var staged: FilePath
    var target: Target
    /// The files that the backup left out: those of the live folder stay.
    var excluded: Manifest.Excluded?
    /// The part's name in `--path`, for example "data".
    var label: String
    /// The outermost part that it lies in: what is kept and what is staged must not move with that. Nil: in none.
    var within: FilePath?

    enum Target: Sendable {
        /// Replaces this folder with the whole staged folder.
        case folder(FilePath)
        /// Exchanges only these names in the folder.
        case entries(of: FilePath, named: [String])
        /// Adds or replaces the staged files, everything else stays: `--path`, or a single database file.
        case overlay(on: FilePath)
        /// The staged tree was only for the checks: the runtime fills the volume from the archive.
        case volume(String)

        var live: FilePath? {
            switch self {
            case .folder(let live), .overlay(let live), .entries(of: let live, named: _): live
            case .volume: nil
            }
        }
    }

    /// Returns the exchanges that make it live.
    ///
    /// - Parameter kept: The folder for the old trees, on the instance's file system.
    func units(kept: FilePath, id: String) throws -> [Swap.Unit] {
        switch target {
        case .folder(let live):
            guard try Self.staysInPlace(live) else {
                return [
                    try Swap.Unit(
                        part: part, live: live, staged: staged,
                        previous: try keep(live, kept: kept, id: id))
                ]
            }
            // Its entries change hands one by one.
            let old = try keep(live, kept: kept, id: id)
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
                    previous: try keep(live, kept: kept, id: id).appending(name),
                    isRewritten: name == InstanceFolder.configName && new.isPresent ? true : nil)
            }
        case .volume: return []
        case .overlay(let live):
            var units: [Swap.Unit] = []
            try overlay(staged, live, kept: try keep(live, kept: kept, id: id), &units)
            return units
        }
    }

    /// Adds an exchange for every file of the staged tree. The sidecars of a replaced database are moved away.
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
                let sidecar = to.beside(suffix)
                let replacement = from.beside(suffix)
                guard try sidecar.isPresent, try !replacement.isPresent,
                    let sidecarName = sidecar.lastComponent
                else { continue }
                units.append(
                    try Swap.Unit(
                        part: part, live: sidecar, staged: nil, previous: kept.appending(sidecarName)))
            }
        }
    }

    /// Returns true when the folder itself cannot be renamed: something is mounted on it, or this user may not change
    /// its parent.
    private static func staysInPlace(_ live: FilePath) throws -> Bool {
        guard try live.isFolder else { return false }
        let above = live.removingLastComponent()
        if try above.mountID() != live.mountID() { return true }
        return above.withPlatformString { paths_access($0, W_OK | X_OK) } != 0
    }

    /// Returns true when a rename from one to the other can work: one file system, seen through one mount.
    private static func areTogether(_ one: FilePath, _ other: FilePath) throws -> Bool {
        func nearest(_ path: FilePath) throws -> FilePath {
            var place = path
            while try FileStatus.of(place) == nil { place = place.removingLastComponent() }
            return place
        }
        return try nearest(one).mountID() == nearest(other).mountID()
    }

    /// Where the old one is kept: with the instance when that is the same file system, else beside it, else in it.
    private func keep(_ live: FilePath, kept: FilePath, id: String) throws -> FilePath {
        let base = try Self.base(of: live, within)
        let inPlace = try Self.staysInPlace(base)
        if inPlace, try !Self.areTogether(base, kept) {
            let folder = base.appending(".kecsctl-previous").appending(id)
            return base == live ? folder : folder.appending(part)
        }
        let above = base.removingLastComponent()
        return try inPlace || Self.areTogether(above, kept)
            ? kept.appending(part) : above.appending(".\(part).kecsctl-previous-\(id)")
    }

    /// Returns the folder for unpacking, so that the exchange is a rename: a new folder on the live folder's own file
    /// system.
    static func stagingFolder(
        for live: FilePath, within: FilePath? = nil, part: String, id: String, in instance: InstanceFolder
    ) throws -> FilePath {
        let base = try base(of: live, within)
        let inPlace = try staysInPlace(base)
        if inPlace, try !areTogether(base, instance.path) {
            return base.appending(".kecsctl-restoring").appending("\(id)-\(Self.random())")
        }
        let above = base.removingLastComponent()
        return try inPlace || areTogether(above, instance.path)
            ? instance.restoring.appending(id).appending(part)
            : above.appending(".\(part).kecsctl-restoring-\(id)-\(Self.random())")
    }

    /// Beside, or in, which folder things of this one lie where they cannot lie with the instance.
    private static func base(of live: FilePath, _ within: FilePath?) throws -> FilePath {
        guard let within, try areTogether(within, live) else { return live }
        return within
    }

    /// Outside the instance's folder others may be able to write: they must not know the name before it is there.
    private static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return String(generator.next() as UInt64, radix: 36)
    }
}

extension [StagedTree] {
    /// The exchanges of all. A part that lies in another one goes in place after that, into the new tree.
    func units(kept: FilePath, id: String) throws -> [Swap.Unit] {
        let depths = map { $0.target.live?.resolved().components.count ?? 0 }
        let order = indices.sorted { (depths[$0], $0) < (depths[$1], $1) }
        return try order.flatMap { try self[$0].units(kept: kept, id: id) }.nested()
    }
}
