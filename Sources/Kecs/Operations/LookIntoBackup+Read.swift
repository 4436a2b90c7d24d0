// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem

extension LookIntoBackup {
    /// Reads the file twice. The first reading finds and proves it, so that damaged bytes are never taken for the file;
    /// the second one hands it over. With an index only the file's own blocks are read, else the whole archive.
    public func read(_ path: String, damaged: Bool, write: (UnsafeRawBufferPointer) throws -> Bool) throws {
        let manifest = try manifest()
        let wanted = try BackupPath(path, in: manifest, of: place)
        let part = wanted.part
        var found: ArchiveEntry?
        var count = 0
        var damage: Failure?
        let isWhole = !isProved(wanted)
        do {
            try list(part, where: wanted, isWhole: isWhole) { entry in
                guard wanted.names(entry.path) else { return }
                count += 1
                found = entry
            }
        } catch let failure as Failure where failure.kind == .damaged && !damaged {
            var failure = failure
            failure.message = "“\(path)” is not written: the backup “\(place.id)” is damaged"
            failure.remedy =
                found == nil
                ? failure.remedy : "kecsctl backups cat --force \(place.argument) \(ShellWords.quote([path]))"
            throw failure
        } catch let failure as Failure where failure.kind == .damaged && found != nil {
            damage = failure
        }
        guard let entry = found else { throw missing(wanted) }
        let name = BackupPath.text(part.name, entry.path)
        guard count == 1 else {
            throw Failure(
                .damaged, "“\(name)” stands \(count) times in the backup “\(place.id)”",
                cause: "cannot determine which one is meant",
                remedy: "kecsctl backups verify \(place.argument)")
        }
        switch entry.kind {
        case .folder:
            throw Failure(
                .usage, "“\(name)” is a folder",
                remedy: "kecsctl backups ls \(place.argument) \(ShellWords.quote([path]))")
        case .symlink:
            throw Failure(
                .usage, "“\(name)” is a link", cause: "it points to “\(printable(entry.linkTarget))”",
                remedy: "kecsctl backups ls \(place.argument) \(ShellWords.quote([part.name]))")
        case .file, .hardLink, .special: break
        }
        try copy(entry, name, part, write)
        if var damage {
            damage.message = "“\(name)” was written, and the backup “\(place.id)” that it is from is damaged"
            throw damage
        }
    }

    /// Whether the index leads to the file, and its blocks are whole. When they are not, reading everything says what is.
    private func isProved(_ wanted: BackupPath) -> Bool {
        do {
            var found: [ArchiveEntry] = []
            try list(wanted.part, where: wanted) { if wanted.names($0.path) { found.append($0) } }
            guard found.count == 1, let entry = found.first, [.file, .hardLink].contains(entry.kind) else {
                return true
            }
            return try readMember(
                entry.kind == .hardLink ? entry.linkTarget : entry.path, of: backup.archive(of: wanted.part),
                compression: wanted.part.compression, threads: site.threads,
                cancellation: site.machine.cancellation
            ) { _ in true } != nil
        } catch { return false }
    }

    private func copy(
        _ entry: ArchiveEntry, _ name: String, _ part: Manifest.Part,
        _ write: (UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        var done: Int64 = 0
        var isWanted = true
        do {
            let all = try readMember(
                entry.kind == .hardLink ? entry.linkTarget : entry.path,
                of: backup.archive(of: part),
                compression: part.compression, threads: site.threads, cancellation: site.machine.cancellation
            ) { bytes in
                isWanted = try write(bytes)
                if isWanted { done += Int64(bytes.count) }
                return isWanted
            }
            guard !isWanted || (all == done && (entry.kind == .hardLink || done == entry.size)) else {
                throw BackupDamage(file: part.file, why: "it no longer holds “\(name)”")
            }
        } catch let error where !(error is Interrupted) {
            guard let damage = Self.damage(error, part) else { throw error }
            throw Failure(
                .damaged, "“\(name)” is cut: \(done) of its \(entry.size) bytes were written",
                cause: damage, remedy: "kecsctl backups verify \(place.argument)")
        }
    }

    private static func damage(_ error: any Error, _ part: Manifest.Part) -> String? {
        switch error {
        case let error as ArchiveError: "\(part.file): \(error.why)"
        case let error as BackupDamage: "\(error.file): \(error.why)"
        default: nil
        }
    }
}
