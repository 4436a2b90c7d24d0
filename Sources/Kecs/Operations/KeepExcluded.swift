// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// Brings the files that a backup's patterns left out from the live folder into the staged one, just before the two are
/// exchanged. No backup holds them, so a restore does not remove them. The old tree keeps them too.
///
/// Files get a second name, which needs no space. Databases are copied, because two names of one are two databases to
/// SQLite, each with a write-ahead log of its own.
struct KeepExcluded {
    let cancellation: Cancellation

    /// Brings the files over. Call it while nothing writes.
    ///
    /// - Returns: A sentence for the report; nil when nothing was left out.
    func run(_ tree: StagedTree) throws -> String? {
        guard let excluded = tree.excluded, case .folder(let live) = tree.target, try live.isFolder else {
            return nil
        }
        var source = TreeSource(root: live)
        source.leftOut = Set(Part.ours)
        source.excluded = try excluded.all()
        let found = Found()
        try walkExcluded(source, cancellation: cancellation) { found.paths.append($0) }
        var kept = 0
        var lost: [[UInt8]] = []
        for path in found.paths {
            if try keep(path, live, tree.staged) { kept += 1 } else { lost.append(path) }
        }
        var sentence =
            "\(tree.part): \(kept == 1 ? "1 name" : "\(kept) names") that the backup left out stay as they are"
        if let first = lost.first {
            sentence +=
                "; \(lost.count) only in what was replaced, because the backup has something else there: "
                + printable(first)
        }
        return found.paths.isEmpty ? nil : sentence
    }

    private final class Found { var paths: [[UInt8]] = [] }

    /// Brings one path over.
    ///
    /// - Returns: False when the backup has something else at its place.
    private func keep(_ path: [UInt8], _ live: FilePath, _ staged: FilePath) throws -> Bool {
        let slash = UInt8(ascii: "/")
        for end in path.indices where path[end] == slash {
            let above = Array(path[..<end])
            let folder = staged.appending(bytes: above)
            if let status = try FileStatus.of(folder) {
                guard status.kind == .folder else { return false }
            } else {
                guard let model = try FileStatus.of(live.appending(bytes: above)) else { return false }
                try folder.makeFolder()
                try take(model, folder)
            }
        }
        let target = staged.appending(bytes: path)
        guard try FileStatus.of(target) == nil else { return false }
        try copy(live.appending(bytes: path), to: target)
        return true
    }

    private func copy(_ from: FilePath, to target: FilePath) throws {
        try cancellation.check()
        guard let status = try FileStatus.of(from) else { return }
        guard status.kind == .folder else {
            if status.kind == .file, try isDatabase(from) { return try copyFile(from, status, to: target) }
            let done = from.withPlatformString { from in target.withPlatformString { paths_link(from, $0) } }
            if done == 0 { return }
            let error = FileError.last("give a second name to", from)
            // Another file system is mounted there, the file is another user's, or it has as many names as possible.
            guard status.kind == .file,
                [.improperLink, .notPermitted, .tooManyLinks, .permissionDenied].contains(error.errno)
            else { throw error }
            return try copyFile(from, status, to: target)
        }
        try target.makeFolder()
        for name in try from.entries() { try copy(from.appending(name), to: target.appending(name)) }
        try take(status, target)
    }

    private func isDatabase(_ file: FilePath) throws -> Bool {
        if DatabaseEngine.sidecarSuffixes.contains(where: {
            file.bytes.suffix($0.utf8.count).elementsEqual($0.utf8)
        }) {
            return true
        }
        do { return try DatabaseEngine(of: file) != nil } catch let error as FileError
            where error.errno == .permissionDenied
        {
            // A file that this user cannot read cannot be copied either.
            return false
        }
    }

    private func copyFile(_ from: FilePath, _ status: FileStatus, to target: FilePath) throws {
        try from.copyContents(to: target) { try cancellation.check() }
        try take(status, target)
    }

    private func take(_ model: FileStatus, _ target: FilePath) throws {
        if Machine.userID == 0 { try target.setOwner((model.owner, model.group)) }
        try target.setMode(model.mode & 0o7777)
    }
}
