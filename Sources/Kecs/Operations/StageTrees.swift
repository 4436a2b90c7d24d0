// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import Synchronization
import SystemPackage

/// Unpacks what a restore asks for beside the live trees, and checks it there.
struct StageTrees: Sendable {
    let site: Site
    let instance: Instance
    let request: RestoreRequest
    let id: String
    /// Where volumes lie on this host; those that are missing here are filled by their runtime.
    var volumes: [String: FilePath] = [:]
    /// The instance's own parts, as its runtime knows them.
    var own: [Part] = []
    let notes = Notes()

    /// Sentences for the report.
    final class Notes: Sendable {
        private let list = Mutex<[String]>([])
        var all: [String] { list.withLock { $0 } }
        func add(_ note: String) { list.withLock { $0.append(note) } }
    }

    /// One part: where it is unpacked and where it will go.
    struct Place: Sendable {
        var part: String
        /// The folder that is made for it, to be removed when all is over.
        var staging: FilePath
        var target: StagedTree.Target
        /// "data" for `--path data/kecs.db`; empty for the configuration.
        var label: String
        var archive: FilePath
        /// The manifest's record, when the source is a backup of ours.
        var record: Manifest.Part?
        /// The entries' one top folder, which is cut off.
        var topFolder: [UInt8]?
        /// Of an archive that holds a whole instance: the folder in it that is this part.
        var subfolder: String?

        /// What is to become live.
        var staged: FilePath { subfolder.map { staging.appending($0) } ?? staging }
    }

    // MARK: Decide

    func places(for source: OpenedSource) throws -> [Place] {
        let places: [Place]
        switch source.content {
        case .backup(let backup, let manifest):
            let names = manifest.parts.map(\.name)
            for wanted in request.parts ?? [] where !names.contains(wanted) {
                throw Failure(
                    .usage, "the backup “\(backup.id)” has no part “\(wanted)”",
                    cause: "its parts are \(names.joined(separator: ", "))",
                    remedy: "kecsctl backups show \(backup.id) --instance \(instance.name)")
            }
            places = try manifest.parts.filter { request.parts?.contains($0.name) ?? true }.map {
                try place(of: $0, in: backup)
            }
        case .archive(let file, let layout): places = try self.places(of: file, layout)
        case .database(let file), .dump(let file):
            try onlyData()
            let data = try followed(try instance.dataFolder())
            places = [
                Place(
                    part: "data", staging: try staging(for: data, part: "data"), target: .overlay(on: data),
                    label: InstanceFolder.dataName, archive: file)
            ]
        }
        try checkRoom(places, for: source)
        return places
    }

    private func place(of part: Manifest.Part, in backup: StoredBackup) throws -> Place {
        let archive = backup.folder.appending(part.file)
        guard part.encryption == nil else {
            throw Failure(
                .wrongKey, "the part “\(part.name)” is encrypted", cause: "this kecsctl cannot decrypt it")
        }
        let root = try root(of: part, in: backup)
        if case .volume(let volume) = root { return try place(of: part, volume, archive) }
        if case .file(let file) = root, let name = file.lastComponent?.string {
            let folder = try followed(file.removingLastComponent())
            return Place(
                part: part.name, staging: try staging(for: folder.appending(name), part: part.name),
                target: request.paths.isEmpty ? .entries(of: folder, named: [name]) : .overlay(on: folder),
                label: part.name, archive: archive, record: part)
        }
        var live = instance.folder.path
        var label = part.name
        switch root {
        case .folder(let folder): live = folder
        case .inInstance(let path):
            live = live.appending(path.components.filter { $0.kind == .regular })
            label = path.string
        case .configuration: label = ""
        case .file, .volume: break
        }
        if part.name == "data" { live = try instance.dataFolder() }
        live = try followed(live)
        let isConfig = root == .configuration
        var target: StagedTree.Target
        if !request.paths.isEmpty {
            target = .overlay(on: live)
        } else if isConfig {
            // How the instance runs on this host now is not undone by the way, only when the part is asked for.
            let keepsOwn = try request.parts?.contains(part.name) != true && instance.folder.config.isPresent
            let names = InstanceFolder.configEntries.filter { !keepsOwn || $0 != InstanceFolder.configName }
            target = .entries(of: live, named: names)
        } else {
            target = .folder(live)
        }
        return Place(
            part: part.name, staging: try staging(for: live, part: part.name), target: target,
            label: label, archive: archive,
            record: part)
    }

    /// Where a part of this name is for this instance. What the record says of its place is information: only in a backup
    /// that this instance made itself is it good for a part that is not there at the moment.
    private func root(of part: Manifest.Part, in backup: StoredBackup) throws -> PartRoot {
        switch part.name {
        case "config": return .configuration
        case "data": return instance.root(of: Part(name: "data", place: .folder(try instance.dataFolder())))
        case Part.objectStore:
            return instance.root(of: Part(name: part.name, place: .folder(instance.folder.objectStore)))
        default: break
        }
        if let known = own.first(where: { $0.name == part.name }) { return instance.root(of: known) }
        let isOwn =
            backup.folder.removingLastComponent() == instance.backups.folder && !backup.mark.isImported
            && backup.manifest?.instanceId == instance.config.id
        if isOwn { return part.root }
        throw Failure(
            .usage, "the backup “\(backup.id)” has a part “\(part.name)”, which “\(instance.name)” does not have",
            cause: "it is of “\(part.root)” of the instance \(backup.manifest?.instanceId ?? "of another id")",
            remedy: "kecsctl restore \(instance.name) --from \(backup.id) --into restored")
    }

    private func place(of part: Manifest.Part, _ volume: String, _ archive: FilePath) throws -> Place {
        if let live = volumes[volume] {
            return Place(
                part: part.name, staging: try staging(for: live, part: part.name),
                target: request.paths.isEmpty ? .folder(live) : .overlay(on: live), label: part.name,
                archive: archive, record: part)
        }
        guard request.paths.isEmpty else {
            throw Failure(
                .usage, "single files of the volume “\(volume)” cannot be restored here",
                cause: "its mount point is not open to this user: it can only be filled whole",
                remedy: "sudo kecsctl restore \(instance.name) --from latest --part \(part.name)")
        }
        return Place(
            part: part.name, staging: instance.folder.restoring.appending(id).appending(part.name),
            target: .volume(volume), label: part.name, archive: archive, record: part)
    }

    private func places(of file: FilePath, _ layout: ForeignLayout) throws -> [Place] {
        func place(_ part: String, _ live: FilePath, label: String, top: [UInt8]?) throws -> Place {
            Place(
                part: part, staging: try staging(for: live, part: part),
                target: request.paths.isEmpty ? .folder(live) : .overlay(on: live), label: label,
                archive: file,
                topFolder: top)
        }
        let data = try followed(try instance.dataFolder())
        switch layout {
        case .bare:
            try onlyData()
            return [try place("data", data, label: InstanceFolder.dataName, top: nil)]
        case .oneFolder(let top):
            try onlyData()
            return [try place("data", data, label: InstanceFolder.dataName, top: top)]
        case .instance:
            let folders = [
                ("data", data, InstanceFolder.dataName),
                (Part.objectStore, instance.folder.objectStore, InstanceFolder.objectStoreName),
            ]
            return try folders.filter { request.parts?.contains($0.0) ?? true }.map { part, live, name in
                var found = try place(part, live, label: "", top: nil)
                found.subfolder = name
                return found
            }
        }
    }

    /// Whoever put a link where the folder was wants the data to lie there, also after a restore.
    private func followed(_ live: FilePath) throws -> FilePath {
        try FileStatus.of(live)?.kind == .symlink ? live.resolved() : live
    }

    private func onlyData() throws(Failure) {
        if let other = request.parts?.first(where: { $0 != "data" }) {
            throw Failure(
                .usage, "the file has no part “\(other)”",
                cause: "only the part data can come from a foreign file",
                remedy: "kecsctl backups list \(instance.name)")
        }
    }

    private func staging(for live: FilePath, part: String) throws -> FilePath {
        try StagedTree.stagingFolder(for: live, part: part, id: id, in: instance.folder)
    }

    /// The new trees lie beside the old ones until the exchange.
    private func checkRoom(_ places: [Place], for source: OpenedSource) throws {
        guard !request.force else { return }
        var needed: [UInt64: (bytes: Int64, place: FilePath)] = [:]
        for place in places {
            var there = place.staging
            while try FileStatus.of(there) == nil { there = there.removingLastComponent() }
            let device = try FileStatus.of(there)?.device ?? 0
            // 4 KiB blocks: half a block is lost at each file's end, and each entry takes an inode.
            let bytes =
                try place.record.map { ($0.roomNeeded).bytes }
                ?? FileStatus.of(place.archive)?.size ?? 0
            needed[device, default: (0, there)].bytes = (needed[device]?.bytes ?? 0).adding(bytes)
        }
        for (bytes, there) in needed.values {
            let free = try site.machine.freeSpace(there)
            guard ByteCount(bytes) <= free else {
                throw Failure(
                    .noRoom, "there is not enough room to restore “\(instance.name)”",
                    cause: "\(free) are free in \(there) and about \(ByteCount(bytes)) are needed beside "
                        + "what is there",
                    remedy: "kecsctl backups prune \(instance.name) --keep 1")
            }
        }
    }

    // MARK: Act

    func run(_ source: OpenedSource, _ places: [Place]) throws -> [StagedTree] {
        let trees = try places.compactMap { place -> StagedTree? in
            try site.machine.cancellation.check()
            try place.staging.removingLastComponent().createFolder()
            // Nobody may have put anything there: a folder of somebody else's would stay theirs with what is unpacked.
            try place.staging.makeFolder()
            switch source.content {
            case .backup, .archive:
                // With --path a part of which nothing is wanted stays as it is.
                guard try unpack(place) > 0 || request.paths.isEmpty else { return nil }
            case .database(let file):
                try stageDatabase(place) { copy in
                    _ = try captureSQLite(file, to: copy, cancellation: site.machine.cancellation)
                }
            case .dump(let file):
                try stageDatabase(place) { copy in
                    _ = try loadSQLDump(file, into: copy, cancellation: site.machine.cancellation)
                }
            }
            // A foreign archive need not hold every part.
            guard try place.staged.isPresent else { return nil }
            try checkKind(place)
            try request.verify?(place.part, place.staged)
            return StagedTree(
                part: place.part, staged: place.staged, target: place.target, label: place.label)
        }
        guard !trees.isEmpty || places.isEmpty else {
            throw Failure(
                .notFound, "nothing in “\(source.name)” matches --path",
                cause: request.paths.map(\.description).joined(separator: ", "),
                remedy: "kecsctl restore \(instance.name) --from latest --dry-run")
        }
        return trees
    }

    /// - Returns: How many entries came out.
    private func unpack(_ place: Place) throws -> Int {
        let free = try site.machine.freeSpace(place.staging)
        let lock = Array(".lock".utf8)
        let top = place.topFolder
        let folder = place.subfolder.map { Array($0.utf8) }
        let lockInFolder = folder.map { $0 + Array("/.lock".utf8) }
        let globs = request.paths
        let label = Array(place.label.utf8)
        var options = UnpackOptions(
            expectedSHA256: place.record?.sha256,
            maxEntries: place.record?.entries ?? 10_000_000,
            maxBytes: place.record?.sourceBytes ?? free.bytes,
            owners: request.owners)
        options.stripTopFolder = top
        options.select = { path in
            if path == lock || path == lockInFolder { return false }
            if let folder, path != folder, !path.starts(with: folder + [UInt8(ascii: "/")]) { return false }
            guard !globs.isEmpty else { return true }
            let long = label.isEmpty ? path : label + [UInt8(ascii: "/")] + path
            return globs.contains { $0.matches(path) || $0.matches(long) }
        }
        site.machine.progress.step("unpacking \(place.part)", total: place.record?.sourceBytes)
        let done = try unpackArchive(
            place.archive, into: place.staging, options: options, threads: site.threads,
            cancellation: site.machine.cancellation, progress: site.machine.progress)
        if done.setIDRemoved > 0 {
            notes.add("\(place.part): set-uid and set-gid bits were removed from \(done.setIDRemoved) files")
        }
        if done.ownersNotSet > 0 {
            notes.add(
                "\(place.part): the owner of \(done.ownersNotSet) entries could not be set without root")
        }
        try checkDatabases(place)
        return done.entries
    }

    /// An archive brings what the part is, and nothing else in its place: a link where a folder is expected would become
    /// the live folder, and the next restore would go where it leads.
    private func checkKind(_ place: Place) throws {
        func refuse(_ path: FilePath, _ what: String) -> BackupDamage {
            BackupDamage(
                file: place.archive.lastComponent?.string ?? place.archive.string,
                why: "“\(path.lastComponent?.string ?? "")” in it is no \(what), which the part "
                    + "“\(place.part)” is")
        }
        guard try FileStatus.of(place.staged)?.kind == .folder else { throw refuse(place.staged, "folder") }
        guard case .entries(let folder, let named) = place.target else { return }
        for name in named {
            let entry = place.staged.appending(name)
            guard let status = try FileStatus.of(entry) else { continue }
            let isFolder = folder == instance.folder.path && name == InstanceFolder.veleroConfigName
            guard status.kind == (isFolder ? .folder : .file) else {
                throw refuse(entry, isFolder ? "folder" : "file")
            }
        }
    }

    /// What is about to become live must open.
    private func checkDatabases(_ place: Place) throws {
        guard place.part != Part.objectStore else { return }
        let scan = try scanTree(TreeSource(root: place.staging), cancellation: site.machine.cancellation)
        for database in scan.databases {
            let file = place.staging.appending(bytes: database.path)
            let record = place.record?.databases.first { $0.path == printable(database.path) }
            if let record {
                let found = try digest(of: file, cancellation: site.machine.cancellation)
                guard found.sha256 == record.sha256 else {
                    throw BackupDamage(
                        file: place.record?.file ?? place.archive.string,
                        why:
                            "the database \(record.path) has the SHA-256 \(found.sha256) instead of \(record.sha256)"
                    )
                }
            }
            guard database.engine == .sqlite else { continue }
            // One of our own snapshots has no sidecars; a foreign one is recovered from its write-ahead log here.
            let problems = try SQLiteDatabase(
                file, record?.sidecars.isEmpty == true ? .immutable : .readWrite
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

    /// Stages one database file under the name that the instance's own has, with its owner and mode.
    private func stageDatabase(_ place: Place, _ fill: (FilePath) throws -> Void) throws {
        guard case .overlay(let live) = place.target else { return }
        var name: FilePath.Component = FilePath.Component(InstanceFolder.databaseName) ?? "kecs.db"
        if try live.isFolder, try !live.appending(name).isPresent {
            let there = try live.entries().filter { try DatabaseEngine(of: live.appending($0)) == .sqlite }
            if there.count == 1 { name = there[0] }
        }
        let copy = place.staging.appending(name)
        site.machine.progress.step("reading \(place.archive)", total: nil)
        try fill(copy)
        if let model = try FileStatus.of(live.appending(name)) ?? FileStatus.of(live) {
            let mode = model.kind == .file ? model.mode & 0o777 : 0o600
            try copy.setMode(mode)
            try copy.setOwner(request.owners.owner(of: model))
        }
    }
}

extension OwnerMapping {
    /// Whom a file belongs to that takes the place of one with these facts.
    fileprivate func owner(of model: FileStatus) -> (user: UInt32, group: UInt32) {
        switch self {
        case .all(let user, let group): (user, group)
        default: (model.owner, model.group)
        }
    }
}

extension Manifest.Part {
    /// The name of the volume that it was made of.
    var volume: String? { if case .volume(let name) = root { name } else { nil } }
}
