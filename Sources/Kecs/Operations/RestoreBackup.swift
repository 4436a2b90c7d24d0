// SPDX-License-Identifier: Apache-2.0
public import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// The options of `restore`.
public struct RestoreRequest: Sendable {
    public var from: RestoreFrom
    public var parts: [String]?
    /// The patterns of `--path`: only matching files are restored; `*` also matches a slash. They are matched against
    /// `data/kecs.db` and `kecs.db`.
    public var paths: [Glob]
    public var owners: OwnerMapping
    public var start: Bool
    public var force: Bool
    public var dryRun: Bool
    /// True when a backup of another instance is wanted: `--yes`.
    public var acceptsStrangers = false
    /// The database that a single database file replaces, as `PART/PATH`; nil for the one that the server uses.
    public var database: String?
    /// True when a foreign archive's only folder is part of the tree, regardless of its name.
    var keepsTop = false
    /// True when the database was converted from another engine's on the way: it may replace one of that engine.
    var changesEngine = false
    /// A check of each part's tree once it is staged, before anything is touched; an error from it ends the restore.
    var verify: (@Sendable (_ part: String, FilePath) throws -> Void)?

    public init(
        from: RestoreFrom, parts: [String]? = nil, paths: [Glob] = [], owners: OwnerMapping = .asRecorded,
        start: Bool = true, force: Bool = false, dryRun: Bool = false
    ) {
        self.from = from
        self.parts = parts
        self.paths = paths
        self.owners = owners
        self.start = start
        self.force = force
        self.dryRun = dryRun
    }
}

/// Restores a backup or a foreign file: stage, check, stop, exchange, start.
public struct RestoreBackup: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Restores the backup. Call it under the instance's lock. An instance that does not exist is made from the backup
    /// first, by `RebuildInstance`.
    ///
    /// - Parameter ask: Asks whether a backup of another instance is wanted; throws when not. Nil refuses it.
    public func run(
        _ instance: Instance, _ request: RestoreRequest, ask: ((String) throws -> Void)? = nil
    ) async throws -> RestoreReport {
        let began = site.machine.clock.elapsed()
        let opened = try await OpenRestoreSource(site: site)
            .run(request.from, for: instance, parts: request.parts)
        defer { opened.close() }
        try checkOrigin(opened, of: instance, request, ask)
        if !request.force {
            try await KnownMounts(site: site).check(
                instance, verb: "restored", "kecsctl restore \(instance.name) --from \(opened.name)")
        }
        let runtime = try site.runtime(instance)
        if case .backup(_, let manifest) = opened.content, !request.force, request.paths.isEmpty {
            try runtime.provision.checkRestore(
                of: manifest, parts: Set(request.parts ?? manifest.parts.map(\.name)))
        }
        let state = await runtime.state()
        // A backup says itself what it has, and the server is asked for its database only where it is started again. So the
        // objects that there are now need not all be walked through.
        var search = DatabaseSearch.look
        if case .backup = opened.content, !request.dryRun, !(state.mayWrite && request.start) {
            search = .besideObjects
        }
        var inventory = try await inventory(instance, opened, search)
        let makesPlaces = state == .absent && lacksAnonymousVolume(opened, request, inventory)
        if request.dryRun {
            // An instance that is gone would be made; a dry run makes nothing.
            var preview = StageTrees(
                site: site, instance: instance, request: request, id: "preview", inventory: inventory)
            preview.isWithoutContainer = makesPlaces
            preview.volumes = try await foldersThatAreThere(opened, preview, runtime)
            _ = try await FindHolders(site: site).check(
                instance, preview.places(for: opened).map(\.livePart),
                FindHolders.Demand(verb: "restored", force: request.force))
            return try RestorePreview(site: site, stage: preview).run(opened, since: began)
        }
        if makesPlaces {
            _ = try await LoadImages(site: site).run(instance)
            try await runtime.provision.makePlaces()
            inventory = try await self.inventory(instance, opened, search)
        }
        var plan = try await plan(instance, request, opened, runtime, inventory)
        let parts = try await exchange(&plan, of: instance, request, opened, runtime)
        let (restored, startFailure) = try await startAgain(&plan, instance, request, parts)
        try settle(plan, of: instance, restored, request, opened, parts, hasStarted: startFailure == nil)
        try await KnownMounts(site: site).note(restored)
        return RestoreReport(
            outcome: startFailure == nil ? .done : .partial, from: opened.name, parts: parts, undo: plan.id,
            state: await (try site.runtime(restored)).state().name,
            durationSeconds: (site.machine.clock.elapsed() - began).inSeconds, startError: startFailure,
            notes: plan.stage.notes.all)
    }

    /// Refuses a backup of another instance without a yes.
    private func checkOrigin(
        _ source: OpenedSource, of instance: Instance, _ request: RestoreRequest,
        _ ask: ((String) throws -> Void)?
    ) throws {
        guard !request.dryRun, !request.acceptsStrangers,
            case .backup(let backup, let manifest) = source.content,
            source.temporary != nil || backup.folder.removingLastComponent() != instance.backups.folder
                || backup.mark.isImported,
            manifest.instanceId != instance.config.id
        else { return }
        if let ask {
            return try ask(
                "“\(printable(Array(manifest.instance.utf8)))” "
                    + "(\(printable(Array(manifest.instanceId.utf8)))) is another instance"
                    + (manifest.host.map { ", on \(printable(Array($0.utf8)))" } ?? "")
                    + ". Restore its backup into “\(instance.name)”?")
        }
        let host = manifest.host.map { " on \(printable(Array($0.utf8)))" } ?? ""
        throw Failure(
            .usage, "“\(source.name)” is a backup of another instance",
            cause: "it is of “\(printable(Array(manifest.instance.utf8)))”\(host), "
                + "\(printable(Array(manifest.instanceId.utf8))); “\(instance.name)” is \(instance.config.id)",
            remedy: "kecsctl restore \(instance.name) --from \(source.argument) --yes")
    }

    /// Returns the inventory; nil when the container is gone and the source is a backup, which says itself where its
    /// parts belong.
    private func inventory(
        _ instance: Instance, _ source: OpenedSource, _ search: DatabaseSearch
    ) async throws -> Inventory? {
        do {
            return try await site.inventory(of: instance, databases: search)
        } catch let failure as Failure where failure.kind == .notFound {
            if case .backup = source.content { return nil }
            throw failure
        }
    }

    /// Returns true when a part goes into an anonymous volume that no container has now.
    private func lacksAnonymousVolume(
        _ source: OpenedSource, _ request: RestoreRequest, _ inventory: Inventory?
    ) -> Bool {
        guard let inventory, case .backup(_, let manifest) = source.content else { return false }
        return manifest.parts.contains { part in
            part.root.isAnonymousVolume && inventory.part(of: part) == nil
                && request.parts?.contains(part.name) ?? true
        }
    }

    /// Returns the folders of the volumes that exist, before the missing ones are made.
    func foldersThatAreThere(
        _ source: OpenedSource, _ stage: StageTrees, _ runtime: any Runtime
    ) async throws -> [String: FilePath] {
        var folders: [String: FilePath] = [:]
        for volume in try stage.volumes(of: source) {
            do {
                folders[volume] = try await runtime.volumeAccess.folder(ofVolume: volume)
            } catch let failure as Failure where failure.kind == .notFound {
                continue
            }
        }
        return folders
    }

    func freeSwapID(_ moment: Moment, _ verb: String, in folder: InstanceFolder) throws -> String {
        try FreeName.first { number in
            try site.machine.cancellation.check()
            let id = "\(moment.compact)-\(verb)" + (number > 1 ? "-\(number)" : "")
            let isFree =
                try !folder.previous.appending(id).isPresent && !folder.restoring.appending(id).isPresent
            return isFree ? id : nil
        }
    }
}
