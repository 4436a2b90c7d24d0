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
    /// What the instance consists of now; nil when there is nothing that could be asked, as of a container that is gone.
    var inventory: Inventory?
    /// Where volumes lie on this host; those that are missing here are filled by their runtime.
    var volumes: [String: FilePath] = [:]
    /// Nothing is made for a dry run: it looks at an instance whose container, with its anonymous volumes, is to be made.
    var isWithoutContainer = false
    let notes = Notes()

    /// Sentences for the report.
    final class Notes: Sendable {
        private let list = Mutex<[String]>([])
        var all: [String] { list.withLock { $0 } }
        /// Each sentence once: where things belong is decided a second time once volumes are there.
        func add(_ note: String) {
            list.withLock { if !$0.contains(note) { $0.append(note) } }
        }
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
        /// Of a single database: where in the staged folder it is unpacked.
        var database: [UInt8]?

        /// What is replaced, for whoever asks who uses it.
        var livePart: Part {
            switch target {
            case .folder(let live), .overlay(let live): Part(name: part, place: .folder(live))
            case .entries(let folder, let named): Part(name: part, place: .entries(of: folder, named: named))
            case .volume(let name): Part(name: part, place: .volume(name, at: nil))
            }
        }

        /// What is to become live.
        var staged: FilePath { subfolder.map { staging.appending($0) } ?? staging }
    }

    // MARK: Decide

    /// The volumes that what is asked for goes into.
    func volumes(of source: OpenedSource) throws -> [String] {
        guard case .backup(let backup, let manifest) = source.content else { return [] }
        return try chosen(manifest, of: backup).compactMap { part in
            if case .volume(let name) = try root(of: part, in: backup) { name } else { nil }
        }
    }

    func places(for source: OpenedSource) throws -> [Place] {
        let places: [Place]
        switch source.content {
        case .backup(let backup, let manifest):
            places = try chosen(manifest, of: backup).map { try place(of: $0, in: backup) }
        case .archive(let file, let contents): places = try self.places(of: file, contents)
        case .database(let file), .dump(let file): places = [try placeOfDatabase(file)]
        }
        try checkRoom(places, for: source)
        return places
    }

    /// Those that were asked for; else all but what the server does not use any more, and the user's own backups.
    private func chosen(_ manifest: Manifest, of backup: StoredBackup) throws -> [Manifest.Part] {
        let names = manifest.parts.map(\.name)
        for wanted in request.parts ?? [] where !names.contains(wanted) {
            throw Failure(
                .usage, "the backup “\(backup.id)” has no part “\(wanted)”",
                cause: "its parts are \(names.joined(separator: ", "))",
                remedy: "kecsctl backups show \(backup.id) --instance \(instance.name)")
        }
        if let wanted = request.parts { return manifest.parts.filter { wanted.contains($0.name) } }
        guard let inventory else { return manifest.parts }
        let chosen = manifest.parts.filter { part in
            let now = inventory.part(of: part)
            if now?.role == .backups {
                notes.add(
                    "\(part.name): your own backups are left as they are; --part \(part.name) restores them")
                return false
            }
            // Of a folder that is not there the runtime says nothing; what another instance's is called, `root(of:in:)` refuses.
            guard now == nil, part.root != .configuration, part.name != Part.objectStore, isOwn(backup) else {
                return true
            }
            notes.add(
                isWithoutContainer && part.root.isAnonymousVolume
                    ? "\(part.name): its volume is made with the container, and filled then"
                    : "\(part.name): the server does not use it now, so it was left out; --part \(part.name) restores it to \(part.root)"
            )
            return false
        }
        // The configuration alone is no state.
        guard
            isWithoutContainer || chosen.contains(where: { $0.root != .configuration })
                || manifest.parts.allSatisfy({ $0.root == .configuration })
        else {
            throw Failure(
                .usage, "nothing of the backup “\(backup.id)” is used by “\(instance.name)” now",
                cause: "its parts are \(names.joined(separator: ", "))",
                remedy: "kecsctl inspect \(instance.name)")
        }
        return chosen
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
        if part.name == "data", inventory == nil { live = try instance.dataFolder() }
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
        if part.name == "config" { return .configuration }
        if let known = inventory?.part(of: part) { return instance.root(of: known.part) }
        if part.name == "data" {
            return instance.root(of: Part(name: "data", place: .folder(try instance.dataFolder())))
        }
        if isOwn(backup) { return part.root }
        if part.name == Part.objectStore {
            return instance.root(of: Part(name: part.name, place: .folder(instance.folder.objectStore)))
        }
        throw Failure(
            .usage,
            "the backup “\(backup.id)” has a part “\(part.name)”, which “\(instance.name)” does not have",
            cause:
                "it is of “\(part.root)” of the instance \(backup.manifest?.instanceId ?? "of another id")",
            remedy: "kecsctl restore \(instance.name) --from \(backup.id) --into restored")
    }

    private func isOwn(_ backup: StoredBackup) -> Bool {
        backup.folder.removingLastComponent() == instance.backups.folder && !backup.mark.isImported
            && backup.manifest?.instanceId == instance.config.id
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

    private func places(of file: FilePath, _ contents: ArchiveContents) throws -> [Place] {
        if contents.isInstance, request.parts == nil || request.parts?.contains("data") == true {
            return try placesOfInstance(file)
        }
        let inventory = try known()
        let choice = try ChoosePart(
            instance: instance, inventory: inventory, contents: contents, keepsTop: request.keepsTop
        ).run(request.parts)
        if let top = choice.top {
            notes.add(
                "the archive's folder “\(printable(top))” is the part “\(choice.part.part.name)” itself")
        }
        let part = choice.part.part
        guard let root = part.root else {
            guard choice.top == nil, request.paths.isEmpty, case .volume(let name, _) = part.place else {
                throw Failure(
                    .failed, "the volume of the part “\(part.name)” cannot be reached here",
                    cause: "it can only be filled whole, from an archive whose entries are the volume's own",
                    remedy: "sudo kecsctl restore \(instance.name) --from \(file) --part \(part.name)")
            }
            return [
                Place(
                    part: part.name, staging: instance.folder.restoring.appending(id).appending(part.name),
                    target: .volume(name), label: part.name, archive: file)
            ]
        }
        let live = try followed(root)
        return [
            Place(
                part: part.name, staging: try staging(for: live, part: part.name),
                target: request.paths.isEmpty ? .folder(live) : .overlay(on: live),
                label: part.name == "data" ? InstanceFolder.dataName : part.name, archive: file,
                topFolder: choice.top)
        ]
    }

    /// `data/` beside `minio-data/`: an instance's folder as it is on disk.
    private func placesOfInstance(_ file: FilePath) throws -> [Place] {
        var data = try instance.dataFolder()
        if let inventory {
            // Where the server keeps it, should that be somewhere else.
            let part =
                inventory.parts.first { $0.part.name == "data" } ?? inventory.parts.first { $0.role == .data }
            guard let root = part?.part.root else {
                throw Failure(
                    .usage,
                    "the archive holds a whole instance, and “\(instance.name)” keeps its data elsewhere",
                    cause: "its parts are \(inventory.parts.map(\.part.name).joined(separator: ", "))",
                    remedy: "kecsctl inspect \(instance.name)")
            }
            data = root
        }
        let folders = [
            ("data", try followed(data), InstanceFolder.dataName),
            (Part.objectStore, instance.folder.objectStore, InstanceFolder.objectStoreName),
        ]
        return try folders.filter { request.parts?.contains($0.0) ?? true }.map { part, live, name in
            Place(
                part: part, staging: try staging(for: live, part: part),
                target: request.paths.isEmpty ? .folder(live) : .overlay(on: live), label: "", archive: file,
                subfolder: name)
        }
    }

    private func known() throws -> Inventory {
        guard let inventory else {
            throw Failure(
                .notFound, "it is not known where the data of “\(instance.name)” belongs",
                cause: "what it runs in is not there",
                remedy: "kecsctl status \(instance.name)")
        }
        return inventory
    }

    /// The database that the server uses, or the one that was named, wherever it is.
    private func placeOfDatabase(_ file: FilePath) throws -> Place {
        let spot = try DatabaseSpot(
            known(), named: request.database, parts: request.parts, for: instance)
        try spot.checkEngine(for: instance, force: request.force || request.changesEngine)
        let name = spot.part.part.name
        guard let root = try spot.part.part.root.map(followed) else { throw spot.outOfReach(instance) }
        let live = try spot.file(in: root, for: instance)
        // Behind a link that leads out of the part it is exchanged where it is; so is a file that is bound alone.
        var folder = root
        if case .entries = spot.part.part.place { folder = live.removingLastComponent() }
        if !live.starts(with: root) { folder = live.removingLastComponent() }
        let below = FilePath(root: nil, live.components.dropFirst(folder.components.count)).bytes
        var place = Place(
            part: name, staging: try staging(for: folder == root ? folder : live, part: name),
            target: .overlay(on: folder),
            label: name == "data" ? InstanceFolder.dataName : name, archive: file)
        place.database = below
        return place
    }

    /// Whoever put a link where the folder was wants the data to lie there, also after a restore.
    private func followed(_ live: FilePath) throws -> FilePath {
        try FileStatus.of(live)?.kind == .symlink ? live.resolved() : live
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
                if case .archive = source.content { try checkNothingIsLacking(place) }
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
                part: place.part, staged: place.staged, target: place.target,
                excluded: place.record?.excluded,
                label: place.label)
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
        let root = RootEntry()
        if let folder {
            let select = options.select
            options.select = { path in
                if path == folder { root.isRecorded.store(true, ordering: .relaxed) }
                return select?(path) ?? true
            }
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
        let isRecorded = folder == nil ? done.rootIsRecorded : root.isRecorded.load(ordering: .relaxed)
        if !isRecorded { try keepRoot(place) }
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

    /// Whether the folder that becomes the part's own has an entry of itself in the archive.
    private final class RootEntry: Sendable {
        let isRecorded = Atomic<Bool>(false)
    }

    /// An archive that says nothing of its own folder changes nothing about the part's: whose it is, and its mode, stay.
    private func keepRoot(_ place: Place) throws {
        guard case .folder(let live) = place.target, try place.staged.isFolder,
            let model = try FileStatus.following(live), model.kind == .folder
        else { return }
        try place.staged.setOwner(request.owners.owner(of: model))
        try place.staged.setMode(model.mode & 0o777)
    }

    /// An archive without the database that the part has now would leave the server without one.
    private func checkNothingIsLacking(_ place: Place) throws {
        guard !request.force, request.paths.isEmpty, let inventory, try place.staged.isFolder else { return }
        let now = inventory.databases.filter { database in
            guard !isCopyOfDatabase(database.path), !database.path.isEmpty else { return false }
            return database.part == place.part
        }
        let lacking = try now.filter { database in
            try FileStatus.of(place.staged.appending(bytes: database.path)) == nil
        }
        guard let first = lacking.first else { return }
        throw Failure(
            .usage, "the archive “\(place.archive)” lacks the database “\(first.name)”",
            cause:
                "“\(instance.name)” has \(lacking.map(\.name).joined(separator: ", ")) now, and would be without; "
                + "--part NAME chooses another part, --force goes on in spite of it",
            remedy: "kecsctl inspect \(instance.name)")
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
        guard case .overlay(let live) = place.target, let path = place.database else { return }
        let copy = place.staging.appending(bytes: path)
        site.machine.progress.step("reading \(place.archive)", total: nil)
        try copy.removingLastComponent().createFolder()
        try fill(copy)
        let existing = live.appending(bytes: path)
        if let model = try FileStatus.following(existing) {
            try copy.setMode(model.mode & 0o777)
            try copy.setOwner(request.owners.owner(of: model))
            return
        }
        // As what is around it.
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
