// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSystem
import SystemPackage

/// Prepares the control plane's data in the place where another runtime looks for it, with the owner that its server
/// runs as. Nothing in the old place changes before the exchange. A folder of the instance's own then goes to
/// `.previous/`; a volume or another folder stays as it is.
struct MoveData: Sendable {
    let site: Site
    let instance: Instance
    let candidate: Instance
    /// The id of the swap.
    let id: String

    struct Moved {
        var units: [Swap.Unit] = []
        var fills: [Journal.VolumeFill] = []
        /// The digest of the data in both places; nil when it stays.
        var digest: String?
        var notes: [String] = []
    }

    /// Puts the data in the new place. Call it when nothing runs. The journal learns of every folder before it is made.
    func stage(
        from source: Part.Place, to target: Part.Place, force: Bool, _ journal: inout Journal
    ) async throws -> Moved {
        let owner = try await site.runtime(candidate).server.dataOwner()
        let isSamePlace = try Self.isSame(source, target)
        if isSamePlace {
            guard case .folder(let folder) = target, let owner, try Self.hasOther(owner, in: folder, site)
            else { return Moved() }
        } else {
            try await checkIsFree(target, force: force)
        }
        var target = target
        if case .volume(let name, at: nil) = target {
            // It may have been made a moment ago.
            target = .volume(
                name, at: try await volumes(of: candidate, site).folder(ofVolume: name))
        }
        var moved = Moved()
        let (archive, content) = try await capture(source)
        let kept = instance.folder.previous.appending(id)
        switch target {
        case .folder(let live), .volume(_, at: let live?):
            let staged = try StagedTree.stagingFolder(for: live, part: "data", id: id, in: instance.folder)
            journal.swap?.staging.append(PathText(staged))
            try journal.write(to: instance.folder.journal)
            moved.digest = try unpack(archive, into: staged, content, owner)
            moved.units = try StagedTree(part: "data", staged: staged, target: .folder(live), label: "data")
                .units(kept: kept, id: id)
        case .volume(let name, at: nil):
            if let owner, case .folder(let folder) = source, try Self.hasOther(owner, in: folder, site) {
                throw Failure(
                    .usage, "the data of “\(instance.name)” cannot be given to the server's user",
                    cause: "the volume “\(name)” cannot be reached by this user",
                    remedy:
                        "sudo kecsctl migrate runtime \(instance.name) --to \(candidate.config.runtime.rawValue)"
                )
            }
            let before = kept.appending("volume.tar")
            try kept.createFolder()
            try await volumes(of: candidate, site).copyVolume(name, to: before, limit: .seconds(3600))
            moved.fills = [
                Journal.VolumeFill(volume: name, archive: PathText(archive), kept: PathText(before))
            ]
        case .entries: break
        }
        if !isSamePlace { try leave(source, kept, &moved) }
        return moved
    }

    private static func isSame(_ one: Part.Place, _ other: Part.Place) throws -> Bool {
        switch (one, other) {
        case (.folder(let mine), .folder(let theirs)): try mine == theirs || mine.isSameFolder(as: theirs)
        case (.volume(let mine, _), .volume(let theirs, _)): mine == theirs
        default: false
        }
    }

    private static func hasOther(
        _ owner: (user: UInt32, group: UInt32), in folder: FilePath, _ site: Site
    ) throws -> Bool {
        guard try folder.isFolder else { return false }
        var found = false
        try walkTree(TreeSource(root: folder), cancellation: site.machine.cancellation) { _, status in
            if status.owner != owner.user || status.group != owner.group { found = true }
        }
        return found
    }

    private func checkIsFree(_ target: Part.Place, force: Bool) async throws {
        let isFree: Bool
        switch target {
        case .folder(let folder): isFree = try StateOf.isEmpty(folder)
        case .volume(let name, _):
            let access = try volumes(of: candidate, site)
            try await access.makeReady(volume: name)
            try scratch.createFolder()
            isFree = try await access.isEmpty(
                volume: name, scratch: scratch, site.machine.cancellation)
        case .entries: isFree = true
        }
        guard !isFree, !force else { return }
        throw Failure(
            .usage, "\(target.text), where the data of “\(instance.name)” would go, is not empty",
            cause: "nothing is replaced without --force; “undo” would bring it back",
            remedy:
                "kecsctl migrate runtime \(instance.name) --to \(candidate.config.runtime.rawValue) --force")
    }

    private var scratch: FilePath { instance.folder.restoring.appending(id) }

    /// Captures all of it into one uncompressed tar, and returns the content that the tar must have; nil for a volume
    /// that is only available as a stream.
    private func capture(_ source: Part.Place) async throws -> (FilePath, TreeContent?) {
        let archive = scratch.appending("data.tar")
        try scratch.createFolder()
        let folder: FilePath
        switch source {
        case .folder(let path), .entries(of: let path, _), .volume(_, at: let path?): folder = path
        case .volume(let name, at: nil):
            try await volumes(of: instance, site).copyVolume(name, to: archive, limit: .seconds(3600))
            return (archive, nil)
        }
        if try !folder.isPresent { try folder.createFolder() }
        try checkRoom(folder)
        let captured = try CapturedTree(
            folder, scratch: scratch, isRunning: false, site.machine.cancellation)
        let content = try TreeContent(
            folder, owners: false, leftOut: captured.source.leftOut, cancellation: site.machine.cancellation)
        _ = try writeArchive(
            of: captured.source, to: archive, compression: .none, threads: site.threads,
            cancellation: site.machine.cancellation, progress: site.machine.progress)
        return (archive, content)
    }

    /// Checks the space for the tar, and for the tree that is made from it.
    private func checkRoom(_ folder: FilePath) throws {
        var bytes: Int64 = 0
        try walkTree(TreeSource(root: folder), cancellation: site.machine.cancellation) { _, status in
            if status.kind == .file { bytes = bytes.adding(status.size) }
        }
        let needed = ByteCount(bytes) * 2 + ByteCount(1 << 20)
        let free = try site.machine.freeSpace(instance.folder.path)
        guard needed <= free else {
            throw Failure(
                .noRoom, "not enough free space to move the data of “\(instance.name)”",
                cause: "\(free) are free in \(instance.folder.path) and about \(needed) are needed",
                remedy: "kecsctl backups prune \(instance.name) --keep 1")
        }
    }

    private func unpack(
        _ archive: FilePath, into staged: FilePath, _ content: TreeContent?,
        _ owner: (user: UInt32, group: UInt32)?
    ) throws -> String {
        try staged.removingLastComponent().createFolder()
        try staged.createFolder()
        let done = try unpackArchive(
            archive, into: staged,
            options: UnpackOptions(
                owners: owner.map { .all(owner: $0.user, group: $0.group) } ?? .asRecorded),
            threads: site.threads, cancellation: site.machine.cancellation, progress: site.machine.progress)
        if let owner, done.ownersNotSet > 0 {
            throw Failure(
                .failed, "the data of “\(instance.name)” cannot be given to user \(owner.user)",
                cause: "only root can give files away",
                remedy: "kecsctl migrate runtime \(instance.name) --to \(candidate.config.runtime.rawValue) "
                    + "--owner \(Machine.userID):\(Machine.groupID)")
        }
        let actual = try TreeContent(staged, owners: false, cancellation: site.machine.cancellation)
        if let path = content.flatMap({ actual.difference(from: $0) }) {
            throw Failure(
                .failed, "what was brought to the new place is not what lay in the old one",
                cause: "\(path) differs", remedy: "kecsctl status \(instance.name)")
        }
        try staged.syncFileSystem()
        return actual.digest
    }

    /// Leaves the old place. Data in the instance's own folder is moved away: it would be taken for the instance's data
    /// some day. Data elsewhere is not ours.
    private func leave(_ source: Part.Place, _ kept: FilePath, _ moved: inout Moved) throws {
        guard case .folder(let folder) = source, folder == instance.folder.data else {
            moved.notes.append("what lay in \(source.text) is still there")
            return
        }
        moved.units.append(
            try Swap.Unit(
                part: "data", live: folder, staged: nil, previous: kept.appending("data-left")))
    }
}
