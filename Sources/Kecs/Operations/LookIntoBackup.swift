// SPDX-License-Identifier: Apache-2.0
import KecsArchive
public import KecsBackups
import KecsSystem
import SystemPackage

/// A source that can be looked into: its parts, their entries, one file's bytes. Any source other than our own backups
/// conforms to this protocol, and gets its form in `Session.looked(_:of:)`.
public protocol LookedInto: Sendable {
    /// Lists the parts, or with a path the entries of that folder.
    ///
    /// - Parameters:
    ///   - isDeep: True to list everything below, too.
    ///   - each: Receives each entry once it is known, before all of the part has been checked.
    /// - Throws: `Failure(.damaged)` when the rest cannot be read; the entries that were handed over are then not all.
    func list(_ path: String?, isDeep: Bool, each: (BackupEntry) throws -> Void) throws
    /// Reads the bytes of one file.
    ///
    /// - Parameters:
    ///   - damaged: True to read a damaged part too, as far as possible.
    ///   - write: Receives the bytes. False ends the reading.
    func read(_ path: String, damaged: Bool, write: (UnsafeRawBufferPointer) throws -> Bool) throws
}

/// Looks into one backup. The archives' indexes say what is in them; an archive without one is read once, as a stream,
/// with all the checks of `verify`.
public struct LookIntoBackup: LookedInto {
    let site: Site
    let store: BackupStore
    let backup: StoredBackup
    let place: BackupPlace

    /// The archives that were decrypted for the look, if any; `close` removes them.
    private let unsealed: UnsealedBackup?

    public init(site: Site, _ backup: StoredBackup, of name: InstanceName) {
        self.site = site
        self.backup = backup
        unsealed = nil
        store = site.home.backupStore(of: name)
        place = BackupPlace(backup, of: name)
    }

    /// Opens a backup that may be encrypted.
    ///
    /// - Throws: `Failure(.wrongKey)` when it is encrypted and no key opens it.
    public init(opening backup: StoredBackup, of name: InstanceName, site: Site) async throws {
        self.site = site
        let settings = try site.settings(ofBackupsOf: name)
        do {
            let unsealed = try await UnsealBackup(site: site).run(backup, settings: settings)
            self.unsealed = unsealed
            self.backup = unsealed.backup
        } catch let damage as BackupDamage {
            throw Failure(
                .damaged, "the backup “\(backup.id)” of “\(name)” is damaged",
                cause: "\(damage.file): \(damage.why)",
                remedy: "kecsctl backups verify \(name)/\(backup.id)")
        }
        store = site.home.backupStore(of: name)
        place = BackupPlace(backup, of: name)
    }

    public func close() { unsealed?.close() }

    public func list(_ path: String?, isDeep: Bool, each: (BackupEntry) throws -> Void) throws {
        let manifest = try manifest()
        guard let path else {
            for part in manifest.parts {
                try each(BackupEntry(place, part))
                if isDeep {
                    try list(part) { if !$0.path.isEmpty { try each(BackupEntry(place, part, $0)) } }
                }
            }
            return
        }
        let wanted = try BackupPath(path, in: manifest, of: place)
        var listing = ListedFolder(wanted, place, isDeep: isDeep)
        do {
            try list(wanted.part, where: wanted) { try listing.add($0, each) }
        } catch {
            // The known entries are not lost; the error says that they are not all.
            try listing.end(each)
            throw error
        }
        try listing.end(each)
        guard listing.isThere else { throw missing(wanted) }
    }

    /// Finds every entry that matches the pattern.
    ///
    /// - Parameter read: The entries of archives that were read before: an unchanged part is the same file in many
    ///   backups.
    public func find(
        _ pattern: Glob, read: inout ReadArchives, each: (BackupEntry) throws -> Void
    ) throws {
        for part in try manifest().parts {
            let key = try ReadArchives.Key(part, in: backup.folder)
            if let known = read.entries[key] {
                for entry in known { try each(entry.moved(to: place)) }
                continue
            }
            if part.isSegmented {
                try findInSegments(pattern, part, &read, each)
                continue
            }
            var found: [BackupEntry] = []
            try list(part) { entry in
                guard pattern.matches(entry, in: part) else { return }
                found.append(BackupEntry(place, part, entry))
                try each(found[found.count - 1])
            }
            read.entries[key] = found
        }
    }

    /// Reads the segments that no earlier backup of the search has: most are the same files.
    private func findInSegments(
        _ pattern: Glob, _ part: Manifest.Part, _ read: inout ReadArchives,
        _ each: (BackupEntry) throws -> Void
    ) throws {
        let folder = backup.archive(of: part)
        var count = 0
        try tellDamage(of: part, read: { count }) {
            for segment in try part.segmentList(in: folder).segments {
                let key = ReadArchives.Key(segment, of: part)
                if let known = read.entries[key] {
                    for entry in known { try each(entry.moved(to: place)) }
                    continue
                }
                var found: [BackupEntry] = []
                try listSegments(
                    [segment], in: folder, .index, cancellation: site.machine.cancellation
                ) { _, entry in
                    count += 1
                    guard pattern.matches(entry, in: part) else { return }
                    found.append(BackupEntry(place, part, entry))
                    try each(found[found.count - 1])
                }
                read.entries[key] = found
            }
        }
    }

    func manifest() throws -> Manifest {
        switch backup.state {
        case .incomplete:
            throw Failure(
                .damaged, "the backup “\(place.id)” is incomplete",
                cause: "the run that was to make it was killed",
                remedy: "kecsctl backups list \(place.instance)")
        case .unreadable(let error): throw Failure.describing(error, doing: "read the backup “\(place.id)”")
        case .complete, .damaged: break
        }
        do {
            let manifest = try store.readManifest(of: backup.id)
            return unsealed == nil ? manifest : backup.manifest ?? manifest
        } catch let error as BackupDamage {
            throw failure(error, read: 0)
        }
    }

    private func readAll(
        _ parts: Set<String>, each: (Manifest.Part, ArchiveEntry) throws -> Void
    ) throws {
        var count = 0
        do {
            try VerifyBackup(
                depth: .full, threads: site.threads, cancellation: site.machine.cancellation,
                progress: site.machine.progress
            ).run(try manifest(), parts: parts, archive: { backup.archive(of: $0) }) {
                count += 1
                try each($0, $1)
            }
        } catch let error as BackupDamage {
            throw failure(error, read: count)
        }
    }

    /// Lists what is in a part, by the indexes of its archives.
    ///
    /// - Parameters:
    ///   - wanted: The only path that counts, for a segmented part: of it only the segments where that can be are opened.
    ///   - isWhole: True to read everything, although there is an index.
    func list(
        _ part: Manifest.Part, where wanted: BackupPath? = nil, isWhole: Bool = false,
        each: (ArchiveEntry) throws -> Void
    ) throws {
        let archive = backup.archive(of: part)
        if !part.isSegmented, try isWhole || !hasIndex(archive) {
            return try readAll([part.name]) { _, entry in try each(entry) }
        }
        var count = 0
        try tellDamage(of: part, read: { count }) {
            try part.checkPresence(at: archive)
            let only = try part.isSegmented ? wanted?.segments(of: part.segmentList(in: archive)) : nil
            try listArchive(
                archive, isWhole ? .contents : .index, only: only, cancellation: site.machine.cancellation
            ) {
                count += 1
                try each($0)
            }
        }
    }

    /// Runs `body`, which reads segments of the part, and names the damaged one.
    private func tellDamage(of part: Manifest.Part, read count: () -> Int, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as ArchiveError {
            let name = part.isSegmented ? error.file.lastComponent.map { "\(part.file)/\($0.string)" } : nil
            let file = name ?? part.file
            throw failure(BackupDamage(file: file, why: error.why), read: count())
        } catch let error as BackupDamage {
            throw failure(error, read: count())
        }
    }

    private func failure(_ damage: BackupDamage, read count: Int) -> Failure {
        Failure(
            .damaged,
            count == 0
                ? "the backup “\(place.id)” of “\(place.instance)” is damaged"
                : "the backup “\(place.id)” of “\(place.instance)” is damaged, and this is not all of it",
            cause: "\(damage.file): \(damage.why)"
                + (count == 0 ? "" : "; \(count) entries were read before"),
            remedy: "kecsctl backups verify \(place.argument)")
    }

    func missing(_ path: BackupPath) -> Failure {
        let name = path.text.split(separator: "/").last.map(String.init) ?? path.part.name
        return Failure(
            .notFound, "the backup “\(place.id)” has no “\(path.part.name)/\(path.text)”",
            remedy: "kecsctl backups find \(ShellWords.quote([name])) --instance \(place.instance)")
    }
}

extension Glob {
    /// Whether it is the path of an entry, which begins with its part's name. No pattern is the part itself.
    fileprivate func matches(_ entry: ArchiveEntry, in part: Manifest.Part) -> Bool {
        !entry.path.isEmpty && matchesItself(Array("\(part.name)/".utf8) + entry.path)
    }
}
