// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSQLite
import KecsSystem
import Synchronization
import SystemPackage

/// Unpacks the requested parts of a restore next to the live trees, and checks them there.
struct StageTrees: Sendable {
    var site: Site
    let instance: Instance
    let request: RestoreRequest
    let id: String
    /// The present parts of the instance; nil when nothing can be asked, for example when the container is gone.
    var inventory: Inventory?
    /// The folders of volumes on this host; volumes without one are filled by their runtime.
    var volumes: [String: FilePath] = [:]
    /// True for a dry run on an instance whose container is still to be created, with its anonymous volumes: a dry run
    /// creates nothing.
    var isWithoutContainer = false
    let notes = Notes()

    /// Sentences for the report.
    final class Notes: Sendable {
        private let list = Mutex<[String]>([])
        var all: [String] { list.withLock { $0 } }
        /// Adds a sentence once: the places are decided a second time once the volumes exist.
        func add(_ note: String) {
            list.withLock { if !$0.contains(note) { $0.append(note) } }
        }
    }

    /// The folder in which one part is unpacked, and its target.
    struct Place: Sendable {
        var part: String
        /// The folder that is made for it. It is removed at the end.
        var staging: FilePath
        var target: StagedTree.Target
        /// The name in `--path`, such as "data" in `data/kecs.db`; empty for the configuration.
        var label: String
        var archive: FilePath
        /// The manifest's record, when the source is one of our backups.
        var record: Manifest.Part?
        /// The entries' only top folder, which is cut off.
        var topFolder: [UInt8]?
        /// The folder that is this part, in an archive that holds a whole instance.
        var subfolder: String?
        /// The path in the staged folder at which a single database is unpacked.
        var database: [UInt8]?

        /// The part that is replaced, for the search for processes that use it.
        var livePart: Part {
            switch target {
            case .folder(let live), .overlay(let live): Part(name: part, place: .folder(live))
            case .entries(let folder, let named): Part(name: part, place: .entries(of: folder, named: named))
            case .volume(let name): Part(name: part, place: .volume(name, at: nil))
            }
        }

        /// The tree that is to become live.
        var staged: FilePath { subfolder.map { staging.appending($0) } ?? staging }
    }

    // MARK: Act

    /// Parts that are unpacked at the same time; the threads are shared among them.
    private static let atOnce = 2

    func run(_ source: OpenedSource, _ places: [Place]) throws -> [StagedTree] {
        for place in places {
            try place.staging.removingLastComponent().createFolder()
            // The folder must be new: a folder of another user would stay theirs, with everything that is unpacked into
            // it.
            try place.staging.makeFolder()
        }
        announce(source, places)
        // Most of the time goes by in the kernel, which makes files for one thread on one processor only.
        let invocation = Remedy.invocation
        var atOnce = min(Self.atOnce, places.count, site.threads)
        // A decoder of another program's archive may take most of the memory that there is for all.
        if case .archive = source.content { atOnce = 1 }
        let threads = max(1, site.threads / max(1, atOnce))
        let trees = try Threads.each(
            of: places.count, upTo: atOnce, name: "stage", site.machine.cancellation
        ) { number, cancellation in
            try Remedy.$invocation.withValue(invocation) {
                var stage = self
                stage.site.threads = threads
                stage.site.machine.cancellation = cancellation
                return try stage.stage(source, places[number])
            }
        }.compactMap(\.self)
        guard !trees.isEmpty || places.isEmpty else {
            throw nothingMatches(source)
        }
        for tree in trees { try request.verify?(tree.part, tree.staged) }
        return trees
    }

    private func announce(_ source: OpenedSource, _ places: [Place]) {
        switch source.content {
        case .backup, .archive:
            let sizes = places.map { $0.record?.sourceBytes }
            site.machine.progress.step(
                "unpacking \(places.map(\.part).joined(separator: ", "))",
                total: sizes.contains(nil) ? nil : sizes.total { $0 ?? 0 })
        case .database, .dump: site.machine.progress.step("reading \(source.name)", total: nil)
        }
    }

    /// Fills the folder of a place.
    ///
    /// - Returns: Nil when the source has nothing for it.
    private func stage(_ source: OpenedSource, _ place: Place) throws -> StagedTree? {
        try site.machine.cancellation.check()
        switch source.content {
        case .backup, .archive:
            // With --path, a part without a match stays unchanged.
            guard try unpack(place) > 0 || request.paths.isEmpty else { return nil }
            if case .archive = source.content, try place.staged.isFolder {
                try checkNothingIsLacking(place) { try staged($0, in: place.staged) }
            }
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
        return StagedTree(
            part: place.part, staged: place.staged, target: place.target,
            excluded: place.record?.excluded,
            label: place.label,
            within: place.target.live.flatMap { outermost(around: $0) })
    }

    func nothingMatches(_ source: OpenedSource) -> Failure {
        Failure(
            .notFound, "nothing in “\(source.name)” matches --path",
            cause: request.paths.map(\.description).joined(separator: ", "),
            remedy: "kecsctl restore \(instance.name) --from latest --dry-run")
    }

    /// - Parameters:
    ///   - free: How much there is room for.
    ///   - root: Learns whether the folder that becomes the part's own is recorded.
    func options(_ place: Place, free: ByteCount, _ root: RootEntry) -> UnpackOptions {
        let lock = Array(".lock".utf8)
        let top = place.topFolder
        let folder = place.subfolder.map { Array($0.utf8) }
        let lockInFolder = folder.map { $0 + Array("/.lock".utf8) }
        let globs = request.paths
        var options = UnpackOptions(
            expectedSHA256: place.record?.sha256,
            maxEntries: place.record?.entries ?? 10_000_000,
            maxBytes: place.record?.sourceBytes ?? free.bytes,
            owners: request.owners)
        options.isKept = true
        options.stripTopFolder = top
        options.readsOnlySelected = !globs.isEmpty && place.record != nil
        options.select = { path in
            if path == lock || path == lockInFolder { return false }
            if let folder, path != folder, !path.starts(with: folder + [UInt8(ascii: "/")]) { return false }
            guard !globs.isEmpty else { return true }
            return globs.contains { $0.matches(path, in: place.part, label: place.label) }
        }
        if let folder {
            let select = options.select
            options.select = { path in
                if path == folder { root.isRecorded.store(true, ordering: .relaxed) }
                return select?(path) ?? true
            }
        }
        return options
    }

    /// - Returns: How many entries came out.
    private func unpack(_ place: Place) throws -> Int {
        let root = RootEntry()
        let options = options(place, free: try site.machine.freeSpace(place.staging), root)
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
        let isRecorded =
            place.subfolder == nil ? done.rootIsRecorded : root.isRecorded.load(ordering: .relaxed)
        if !isRecorded { try keepRoot(place) }
        try checkDatabases(place)
        return done.entries
    }

    /// Refuses an entry of another kind in the part's place. A link where a folder is expected would become the live
    /// folder, and the next restore would go to its target.
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
    final class RootEntry: Sendable {
        let isRecorded = Atomic<Bool>(false)
    }

    /// Keeps the owner and the mode of the part's folder when the archive has no entry for its own folder.
    private func keepRoot(_ place: Place) throws {
        guard case .folder(let live) = place.target, try place.staged.isFolder,
            let model = try FileStatus.following(live), model.kind == .folder
        else { return }
        try place.staged.setOwner(request.owners.owner(of: model))
        try place.staged.setMode(model.mode & 0o777)
    }
}

extension OwnerMapping {
    /// Returns the owner of a file that replaces one with these facts.
    func owner(of model: FileStatus) -> (user: UInt32, group: UInt32) {
        switch self {
        case .all(let user, let group): (user, group)
        default: (model.owner, model.group)
        }
    }
}

extension Manifest.Part {
    /// The name of the volume from which the part was captured.
    var volume: String? { if case .volume(let name) = root { name } else { nil } }
}
