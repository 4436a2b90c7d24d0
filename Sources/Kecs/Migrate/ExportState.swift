// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsArchive
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

/// The result of `migrate export`.
public struct ExportReport: OperationReport {
    public static let kind = "ExportReport"
    public var outcome: Outcome
    public var to: String
    /// "directory", "archive", "sqlite", "sql" or "volume".
    public var form: String
    public var bytes: Int64
    /// The digest of the export, which equals that of the instance.
    public var digest: String?
    public var durationSeconds: Double
}

/// Exports the state of an instance in a form that needs no kecsctl: the data folder, its tar.gz, the database, or its
/// SQL.
public struct ExportState: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Exports the instance. Call it under the instance's lock. The target appears complete or not at all.
    public func run(
        _ instance: Instance, to target: StatePlace, dryRun: Bool = false
    ) async throws -> ExportReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let data = try await instance.reachableData(site)
        guard try data.isFolder else {
            throw Failure(
                .notFound, "“\(instance.name)” has no data", cause: "there is no folder \(data)",
                remedy: "kecsctl status \(instance.name)")
        }
        let isRunning = try await site.runtime(instance).state().mayWrite
        let missing = try MissingFolders(upTo: instance.backups.folder)
        let scratch = try BackupDraft(in: instance.backups, reason: .imported, at: clock.now()).folder
        defer {
            scratch.discardQuietly()
            if dryRun { missing.remove() }
        }
        var report = ExportReport(
            outcome: .planned, to: target.description, form: form(of: target), bytes: 0, durationSeconds: 0)
        if case .path(let path) = target { try checkIsFree(path) }
        if dryRun { return report }
        switch (target, report.form) {
        case (.path(let path), "sqlite"):
            let database = try await stateDatabase(of: instance, site)
            let facts = try whole(path) { draft in
                try captureSQLite(database, to: draft, cancellation: site.machine.cancellation)
            }
            (report.bytes, report.digest) = (facts.bytes, facts.sha256)
        case (.path(let path), "sql"):
            let database = try await stateDatabase(of: instance, site)
            report.bytes = try whole(path) { draft in try dump(database, to: draft) }
        case (.path(let path), _):
            let archive = try self.archive(
                data, in: scratch, isRunning: isRunning,
                compression: report.form == "archive" && !path.string.hasSuffix(".tar") ? .fast : .none)
            if report.form == "archive" {
                (report.bytes, report.digest) = (archive.summary.bytes, archive.summary.sha256)
                try whole(path) { draft in
                    try archive.file.copyContents(to: draft) { try site.machine.cancellation.check() }
                    try draft.sync()
                }
            } else {
                report.bytes = archive.summary.sourceBytes
                report.digest = try unpack(
                    archive.file, to: path, archive.summary, data: data, isRunning: isRunning)
            }
        case (.volume(let volume), _):
            let access = try volumes(of: instance, site)
            try await access.makeReady(volume: volume)
            let folder = try await access.folder(ofVolume: volume)
            guard try await access.isEmpty(volume: volume, scratch: scratch, site.machine.cancellation)
            else {
                throw Failure(
                    .usage, "the volume \(volume) is not empty",
                    cause: "an export replaces nothing",
                    remedy: "kecsctl migrate export \(instance.name) volume:\(volume)-new")
            }
            let archive = try self.archive(data, in: scratch, isRunning: isRunning, compression: .none)
            if let folder {
                report.digest = try digest(
                    of: try unpacked(archive.file, into: folder, archive.summary), comparedWith: data,
                    isRunning: isRunning)
                try folder.syncFileSystem()
            } else {
                try await access.fillVolume(volume, from: archive.file)
                // Read back through the engine, as that is the only way to see it.
                let back = scratch.appending("back.tar")
                try await access.copyVolume(volume, to: back, limit: .seconds(3600))
                let look = scratch.appending("back")
                try look.createFolder()
                report.digest = try digest(
                    of: try unpacked(back, into: look, archive.summary), comparedWith: data,
                    isRunning: isRunning)
            }
            report.bytes = archive.summary.sourceBytes
        }
        report.outcome = .done
        report.durationSeconds = (clock.elapsed() - began).inSeconds
        return report
    }

    private func form(of target: StatePlace) -> String {
        guard case .path(let path) = target else { return "volume" }
        let name = path.lastComponent?.string ?? ""
        if [".tar.gz", ".tgz", ".tar"].contains(where: { name.hasSuffix($0) }) { return "archive" }
        if [".sqlite", ".sqlite3", ".db"].contains(where: { name.hasSuffix($0) }) { return "sqlite" }
        return name.hasSuffix(".sql") ? "sql" : "directory"
    }

    private func checkIsFree(_ path: FilePath) throws {
        let isEmptyFolder = try path.isFolder && path.entries().isEmpty
        guard try path.isPresent, !isEmptyFolder else { return }
        throw Failure(
            .usage, "\(path) exists already", cause: "an export replaces nothing",
            remedy: "ls -ld \(ShellWords.quote([path.string]))")
    }

    private func archive(
        _ data: FilePath, in scratch: FilePath, isRunning: Bool, compression: Compression
    ) throws -> (file: FilePath, summary: ArchiveSummary) {
        let captured = try CapturedTree(
            data, scratch: scratch, isRunning: isRunning, site.machine.cancellation)
        let file = scratch.appending("export.tar")
        let summary = try writeArchive(
            of: captured.source, to: file, compression: compression, threads: site.threads,
            cancellation: site.machine.cancellation, progress: site.machine.progress)
        let check = try checkArchive(
            file, compression: compression, written: summary, threads: site.threads,
            cancellation: site.machine.cancellation, progress: SilentProgress())
        guard check.sha256 == summary.sha256 else {
            throw Failure(.damaged, "the archive reads back other than it was written", cause: "\(file)")
        }
        return (file, summary)
    }

    /// Makes a file under a name of its own in the same folder, and renames it when it is complete. A killed run leaves
    /// nothing that is in anyone's way.
    private func whole<Value>(_ path: FilePath, _ make: (FilePath) throws -> Value) throws -> Value {
        let draft = path.draftBeside()
        do {
            let value = try make(draft)
            try draft.renameWithoutReplacing(to: path)
            try path.removingLastComponent().sync()
            return value
        } catch {
            if try draft.isPresent { try draft.remove() }
            throw error
        }
    }

    private func unpacked(
        _ archive: FilePath, into folder: FilePath, _ summary: ArchiveSummary
    ) throws -> TreeContent {
        _ = try unpackArchive(
            archive, into: folder,
            options: UnpackOptions(
                maxEntries: summary.entries + 1, maxBytes: summary.sourceBytes, owners: .asRecorded),
            threads: site.threads, cancellation: site.machine.cancellation, progress: site.machine.progress)
        return try TreeContent(folder, owners: false, cancellation: site.machine.cancellation)
    }

    /// - Parameter isRunning: True when the data keeps changing. The archive was compared when it was read back.
    private func digest(
        of content: TreeContent, comparedWith data: FilePath, isRunning: Bool
    ) throws -> String {
        guard !isRunning else { return content.digest }
        let source = try TreeContent(
            data, owners: false, leftOut: [Array(".lock".utf8)], cancellation: site.machine.cancellation)
        if let path = content.difference(from: source) {
            throw Failure(
                .failed, "what was exported is not what lies in \(data)",
                cause: "\(path) differs: somebody may have written to it meanwhile",
                remedy: "lsof +D \(data)")
        }
        return content.digest
    }

    private func unpack(
        _ archive: FilePath, to folder: FilePath, _ summary: ArchiveSummary, data: FilePath, isRunning: Bool
    ) throws -> String {
        let draft = folder.draftBeside()
        try draft.makeFolder()
        do {
            let digest = try digest(
                of: try unpacked(archive, into: draft, summary), comparedWith: data, isRunning: isRunning)
            try draft.syncFileSystem()
            if try folder.isFolder {
                guard folder.withPlatformString({ paths_rmdir($0) }) == 0 else {
                    throw FileError.last("remove the empty folder", folder)
                }
            }
            try draft.renameWithoutReplacing(to: folder)
            return digest
        } catch {
            if try draft.isPresent { try draft.removeTree() }
            throw error
        }
    }

    private func dump(_ database: FilePath, to draft: FilePath) throws -> Int64 {
        let file = draft.withPlatformString { paths_open($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
        guard file >= 0 else { throw FileError.last("create", draft) }
        defer { close(file) }
        var bytes: Int64 = 0
        try SQLiteDatabase.reading(database, cancellation: site.machine.cancellation).dumpSQL { piece in
            try piece.withUnsafeBytes { try writeFully($0, to: file, of: draft) }
            bytes += Int64(piece.count)
        }
        guard fsync(file) == 0 else { throw FileError.last("sync", draft) }
        return bytes
    }
}
