// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

extension StageTrees {
    /// What has a database's path in the place of the part.
    struct StagedEntry {
        /// "a text", "a link": nil for an SQLite database.
        var otherThanSQLite: String?
        var isLink = false
    }

    func staged(_ path: [UInt8], in folder: FilePath) throws -> StagedEntry? {
        let file = folder.appending(bytes: path)
        guard let status = try FileStatus.of(file) else { return nil }
        guard status.kind == .file else {
            return StagedEntry(kind: status.kind == .symlink ? .symlink : .folder, head: [])
        }
        return StagedEntry(kind: .file, head: try file.prefix(64))
    }

    /// An archive without the database that the part has now, or with something else in its place, would leave the server
    /// without one.
    ///
    /// - Parameter entry: What the part would have at a path.
    func checkNothingIsLacking(_ place: Place, entry: ([UInt8]) throws -> StagedEntry?) throws {
        guard !request.force, let inventory else { return }
        let now = inventory.databases.filter { database in
            guard !isCopyOfDatabase(database.path), !database.path.isEmpty else { return false }
            return database.part == place.part
        }
        for database in now where database.engine == .sqlite {
            guard let there = try entry(database.path), let what = there.otherThanSQLite else { continue }
            // Who has a link there keeps one.
            if there.isLink, try database.file.flatMap({ try FileStatus.of($0) })?.kind == .symlink {
                continue
            }
            throw Failure(
                .usage, "in the archive “\(place.archive)”, “\(database.name)” is no SQLite database",
                cause: "it is \(what); “\(instance.name)” has a database there now, and would be without; "
                    + "--force continues anyway",
                remedy: "kecsctl inspect \(instance.name)")
        }
        guard request.paths.isEmpty else { return }
        let lacking = try now.filter { try entry($0.path) == nil }
        guard let first = lacking.first else { return }
        throw Failure(
            .usage, "the archive “\(place.archive)” lacks the database “\(first.name)”",
            cause:
                "“\(instance.name)” has \(lacking.map(\.name).joined(separator: ", ")) now, and would be without; "
                + "--part NAME chooses another part, --force continues anyway",
            remedy: "kecsctl inspect \(instance.name)")
    }

    /// Checks the databases that are about to become live: they must open.
    func checkDatabases(_ place: Place) throws {
        guard place.part != Part.objectStore else { return }
        let scan = try scanTree(TreeSource(root: place.staging), cancellation: site.machine.cancellation)
        for database in scan.databases {
            let file = place.staging.appending(bytes: database.path)
            let record = place.record?.databases.first { $0.path == printable(database.path) }
            if let record {
                let found = try digest(of: file, cached: true, cancellation: site.machine.cancellation)
                guard found.sha256 == record.sha256 else {
                    throw BackupDamage(
                        file: place.record?.file ?? place.archive.string,
                        why:
                            "the database \(record.path) has the SHA-256 \(found.sha256) instead of \(record.sha256)"
                    )
                }
            }
            guard database.engine == .sqlite else { continue }
            // Our own snapshots have no sidecars; a foreign database is recovered from its write-ahead log here.
            let problems = try SQLiteDatabase(
                file, record?.sidecars.isEmpty == true ? .immutable : .readWrite,
                cancellation: site.machine.cancellation
            )
            .integrityProblems(quick: record != nil, limit: 3)
            guard problems.isEmpty else {
                throw BackupDamage(
                    file: place.archive.lastComponent?.string ?? place.archive.string,
                    why:
                        "the database \(printable(database.path)) is damaged: \(problems.joined(separator: "; "))"
                )
            }
        }
    }

    /// Stages one database file under the name of the instance's own, with its owner and mode.
    func stageDatabase(_ place: Place, _ fill: (FilePath) throws -> Void) throws {
        guard case .overlay(let live) = place.target, let path = place.database else { return }
        let copy = place.staging.appending(bytes: path)
        try copy.removingLastComponent().createFolder()
        try fill(copy)
        let existing = live.appending(bytes: path)
        if let model = try FileStatus.following(existing) {
            try copy.setMode(model.mode & 0o777)
            try copy.setOwner(request.owners.owner(of: model))
            return
        }
        // Takes the owner and mode from the folders around it.
        var around = existing.removingLastComponent()
        while try FileStatus.following(around) == nil, around != live {
            around = around.removingLastComponent()
        }
        guard let model = try FileStatus.following(around) else { return }
        var made = copy
        while made != place.staging {
            try made.setMode(made == copy ? 0o600 : model.mode & 0o777)
            try made.setOwner(request.owners.owner(of: model))
            made = made.removingLastComponent()
        }
    }
}

extension StageTrees.StagedEntry {
    init(kind: ArchiveEntry.Kind, head: [UInt8]) {
        switch kind {
        case .file, .hardLink:
            otherThanSQLite =
                head.isEmpty
                ? "an empty file"
                : head.starts(with: "SQLite format 3\u{0}".utf8)
                    ? nil : "a file of another kind: its first bytes are not those of one"
        case .symlink:
            otherThanSQLite = "a link"
            isLink = true
        case .folder: otherThanSQLite = "a folder"
        case .special: otherThanSQLite = "no file"
        }
    }
}
