// SPDX-License-Identifier: Apache-2.0
import KecsArchive
public import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

/// Compares two backups, or a backup with the live tree: which files and which tables' row counts differ.
public struct CompareStates: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Compares the content of every file by its sum, which the archives' indexes have; archives without one, and the live
    /// tree, are read. What is in an archive of both is the same.
    ///
    /// - Parameter other: The other backup; nil for the live tree.
    public func run(
        _ instance: Instance, _ backup: StoredBackup, _ other: StoredBackup?
    ) async throws -> Difference {
        let unseal = UnsealBackup(site: site)
        let opened = try await unseal.run(backup, settings: instance.settings)
        defer { opened.close() }
        var otherOpened: UnsealedBackup?
        if let other { otherOpened = try await unseal.run(other, settings: instance.settings) }
        defer { otherOpened?.close() }
        return try await run(instance, opened: opened.backup, otherOpened?.backup)
    }

    private func run(
        _ instance: Instance, opened backup: StoredBackup, _ other: StoredBackup?
    ) async throws -> Difference {
        guard let manifest = backup.manifest else { throw Self.unreadable(backup) }
        var before: [String: PartState] = [:]
        let same = try other.map { try sameSegments(backup, $0) } ?? [:]
        for part in manifest.parts {
            before[part.name] = try state(of: part, in: backup, without: same[part.name] ?? [])
        }
        var after: [String: PartState] = [:]
        if let other {
            guard let manifest = other.manifest else { throw Self.unreadable(other) }
            for part in manifest.parts {
                after[part.name] = try state(of: part, in: other, without: same[part.name] ?? [])
            }
        } else {
            let runtime = try site.runtime(instance)
            for part in try await runtime.parts() {
                let record = manifest.parts.first { $0.name == part.name }
                after[part.name] = try state(of: part, in: instance, without: record?.excluded)
            }
        }
        return Difference(
            parts: Set(before.keys).union(after.keys).sorted().map { name in
                Difference.Part(
                    name, before: before[name] ?? PartState(), after: after[name] ?? PartState(),
                    printable: printable)
            })
    }

    private static func unreadable(_ backup: StoredBackup) -> Failure {
        if case .damaged(let file, let why) = backup.state {
            return Failure(.damaged, "the backup “\(backup.id)” is damaged", cause: "\(file): \(why)")
        }
        if let error = backup.unreadable {
            return .describing(error, doing: "read the backup “\(backup.id)”")
        }
        return Failure(
            .damaged, "the backup “\(backup.id)” is incomplete",
            cause: "the run that was to make it was killed")
    }

    /// For each part the digests of the segments that both backups have: what is in them is the same, and is not read.
    private func sameSegments(_ left: StoredBackup, _ right: StoredBackup) throws -> [String: Set<String>] {
        var same: [String: Set<String>] = [:]
        for part in left.manifest?.parts ?? [] where part.isSegmented {
            guard let other = right.manifest?.parts.first(where: { $0.name == part.name }), other.isSegmented
            else { continue }
            let digests = try part.segmentList(in: left.archive(of: part)).segments.map(\.sha256)
            same[part.name] = Set(digests).intersection(
                try other.segmentList(in: right.archive(of: other)).segments.map(\.sha256))
        }
        return same
    }

    /// - Parameter same: The digests of segments that are left out.
    func state(
        of part: Manifest.Part, in backup: StoredBackup, without same: Set<String> = []
    ) throws -> PartState {
        var state = PartState()
        let databases = Set(part.databases.map(\.path))
        for database in part.databases {
            state.databases[database.path] = database.tables ?? [:]
            state.databaseContents[database.path] = database.sha256
        }
        state.databaseRows = try rows(of: part, in: backup)
        state.files.reserveCapacity(min(part.entries, PartState.usualLimit))
        site.machine.progress.step("reading \(part.file) of \(backup.id)", total: part.bytes)
        let place = backup.archive(of: part)
        try part.checkPresence(at: place)
        let add = { (entry: ArchiveEntry) in
            guard !databases.contains(printable(entry.path)) else { return }
            guard !entry.path.isEmpty else { return }
            if entry.kind == .hardLink {
                // A hard link to an earlier file. One in a segment that is left out is there on both sides.
                state.files[entry.path] =
                    state.files[entry.linkTarget]
                    ?? (same.isEmpty
                        ? nil
                        : PartState.File(
                            kind: "\(entry.kind)", size: 0, mode: 0, owner: 0, group: 0, modified: "",
                            content: printable(entry.linkTarget)))
                return
            }
            state.files[entry.path] = PartState.File(
                kind: "\(entry.kind)", size: entry.kind == .file ? entry.size : 0, mode: entry.mode & 0o7777,
                owner: entry.owner, group: entry.group,
                modified: entry.kind == .folder
                    ? "" : "\(entry.modified.seconds).\(entry.modified.nanoseconds)",
                content: entry.contentSum.map { String($0, radix: 16) }
                    ?? (entry.kind == .symlink ? printable(entry.linkTarget) : ""))
        }
        if same.isEmpty {
            try listArchive(place, .sums, cancellation: site.machine.cancellation, each: add)
        } else {
            let segments = try part.segmentList(in: place).segments.filter { !same.contains($0.sha256) }
            try listSegments(
                segments, in: place, .sums, cancellation: site.machine.cancellation
            ) { add($1) }
        }
        return state
    }

    /// Returns the content of the captured databases. They are unpacked alone into a temporary folder, which is removed
    /// afterwards.
    private func rows(of part: Manifest.Part, in backup: StoredBackup) throws -> [String: DatabaseContent] {
        let databases = part.databases.filter { $0.engine == .sqlite }
        guard !databases.isEmpty, part.encryption == nil else { return [:] }
        let scratch = try site.scratch(for: ByteCount(databases.total(\.bytes)))
        // Leftovers in the temporary folder are no reason to fail.
        defer { scratch.discardQuietly() }
        let names = Set(databases.map(\.path))
        var options = UnpackOptions(
            maxEntries: part.entries, maxBytes: part.sourceBytes,
            owners: .all(owner: Machine.userID, group: Machine.groupID))
        options.readsOnlySelected = true
        options.select = { names.contains(printable($0)) }
        _ = try unpackArchive(
            backup.archive(of: part), into: scratch, options: options, threads: site.threads,
            cancellation: site.machine.cancellation, progress: SilentProgress())
        var contents: [String: DatabaseContent] = [:]
        for (path, _) in try files(below: scratch) {
            let name = printable(path)
            guard names.contains(name) else { continue }
            contents[name] = try SQLiteDatabase(
                scratch.appending(bytes: path), .immutable, cancellation: site.machine.cancellation
            ).content()
        }
        return contents
    }

    private func files(below folder: FilePath) throws -> [([UInt8], FileStatus)] {
        var found: [([UInt8], FileStatus)] = []
        try walkTree(TreeSource(root: folder), cancellation: site.machine.cancellation) { path, status in
            if status.kind == .file { found.append((path, status)) }
        }
        return found
    }

    /// Returns the same facts for the live tree by walking it, without an archive.
    ///
    /// - Parameter excluded: The patterns of the backup that it is compared with.
    func state(
        of part: Part, in instance: Instance, without excluded: Manifest.Excluded?
    ) throws -> PartState {
        var state = PartState()
        var source = try part.source()
        if let excluded { source.excluded = try excluded.all() }
        let scan = try scanTree(source, cancellation: site.machine.cancellation)
        state.files.reserveCapacity(min(scan.entries, PartState.usualLimit))
        for database in scan.databases {
            // Leaves out the sidecars, also those that reading the database creates.
            source.leaveOutSidecars(of: database)
            let file = source.root.appending(bytes: database.path)
            let name = printable(database.path)
            if database.engine == .sqlite {
                let live = try SQLiteDatabase.reading(file, cancellation: site.machine.cancellation)
                state.databases[name] = try live.tableRowCounts()
                state.databaseRows[name] = try live.content()
            } else {
                state.databases[name] = [:]
                state.databaseContents[name] = try digest(of: file, cancellation: site.machine.cancellation)
                    .sha256
            }
        }
        let databases = Set(scan.databases.map(\.path))
        site.machine.progress.step("reading \(part.name)", total: scan.bytes)
        try walkTree(source, cancellation: site.machine.cancellation) { path, status in
            guard !databases.contains(path) else { return }
            let file = source.root.appending(bytes: path)
            var content = ""
            switch status.kind {
            case .file:
                let sum = try contentSum(of: file, cached: true, cancellation: site.machine.cancellation)
                content = String(sum, radix: 16)
                site.machine.progress.advance(status.size)
            case .symlink: content = printable(try file.linkTarget())
            case .folder: break
            default: return
            }
            state.files[path] = PartState.File(
                kind: "\(status.kind)", size: status.kind == .file ? status.size : 0, mode: status.mode,
                owner: status.owner, group: status.group,
                modified: status.kind == .folder
                    ? "" : "\(status.modified.seconds).\(status.modified.nanoseconds)",
                content: content)
        }
        return state
    }
}
