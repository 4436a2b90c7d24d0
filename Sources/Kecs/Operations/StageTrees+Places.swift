// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import Synchronization
import SystemPackage

/// The decision where each part of a source goes, and whether there is enough free space for it.
extension StageTrees {
    /// Returns the volumes into which the requested parts go.
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

    /// Returns the parts that were asked for; else all but those that the server does not use any more, and the user's
    /// own backups.
    func chosen(_ manifest: Manifest, of backup: StoredBackup) throws -> [Manifest.Part] {
        let names = manifest.parts.map(\.name)
        for wanted in request.parts ?? [] where !names.contains(wanted) {
            throw Failure(
                .usage, "the backup “\(backup.id)” has no part “\(wanted)”",
                cause: "its parts are \(names.joined(separator: ", "))",
                remedy: "kecsctl backups show \(backup.id) --instance \(instance.name)")
        }
        if let wanted = request.parts {
            let chosen = manifest.parts.filter { wanted.contains($0.name) }
            for part in chosen { tellPlace(of: part, in: backup) }
            return chosen
        }
        guard let inventory else { return manifest.parts }
        let chosen = manifest.parts.filter { part in
            let now = inventory.part(of: part)
            if now?.role == .backups {
                notes.add(
                    "\(part.name): your own backups are left as they are; --part \(part.name) restores them")
                return false
            }
            // The runtime says nothing of a folder that does not exist; `root(of:in:)` refuses the parts of other
            // instances.
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
        // The configuration alone is not state.
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

    /// Where a part goes that the server does not have mounted under its own name.
    private func tellPlace(of part: Manifest.Part, in backup: StoredBackup) {
        guard let inventory, inventory.part(of: part) == nil, part.root != .configuration,
            part.name != Part.objectStore, part.name != "data", isOwn(backup), !isWithoutContainer
        else { return }
        if let other = successor(of: part, in: backup) {
            notes.add(
                "\(part.name): it is not mounted any more; its content goes into \(other.part.name), which is mounted at "
                    + "\(other.pathInside ?? "") now")
        } else {
            notes.add(
                "\(part.name): the server does not use it now, and does not see what is restored to \(part.root)"
            )
        }
    }

    /// By the name of a part of the source, the one that is mounted in its place now.
    func successors(for source: OpenedSource) throws -> [String: String] {
        guard case .backup(let backup, let manifest) = source.content else { return [:] }
        var names: [String: String] = [:]
        for part in manifest.parts {
            if let other = successor(of: part, in: backup) { names[part.name] = other.part.name }
        }
        return names
    }

    func place(of part: Manifest.Part, in backup: StoredBackup) throws -> Place {
        let archive = backup.archive(of: part)
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
            // The configuration of the instance on this host is restored only when the part is asked for explicitly.
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

    /// Returns the place of a part of this name in this instance. The place in the record is only information. It
    /// decides only for a part that does not exist at the moment, and only in a backup that this instance made itself.
    func root(of part: Manifest.Part, in backup: StoredBackup) throws -> PartRoot {
        if part.name == "config" { return .configuration }
        if let known = inventory?.part(of: part) { return instance.root(of: known.part) }
        if let other = successor(of: part, in: backup) { return instance.root(of: other.part) }
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

    /// The part that is mounted where this one was, once this one is not mounted any more: asked for by name, it goes there.
    func successor(of part: Manifest.Part, in backup: StoredBackup) -> InventoryPart? {
        guard let inventory, request.parts?.contains(part.name) == true, isOwn(backup),
            inventory.part(of: part) == nil, let inside = part.pathInside
        else { return nil }
        let there = inventory.parts.filter { $0.pathInside == inside }
        // One that the backup holds itself is not another's place.
        guard there.count == 1, let other = there.first,
            !(request.parts ?? []).contains(other.part.name)
        else { return nil }
        return other
    }

    func isOwn(_ backup: StoredBackup) -> Bool {
        backup.folder.removingLastComponent() == instance.backups.folder && !backup.mark.isImported
            && backup.manifest?.instanceId == instance.config.id
    }

    func place(of part: Manifest.Part, _ volume: String, _ archive: FilePath) throws -> Place {
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

    func places(of file: FilePath, _ contents: ArchiveContents) throws -> [Place] {
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

    /// Returns the places for `data/` next to `minio-data/`: an instance's folder as it is on disk.
    func placesOfInstance(_ file: FilePath) throws -> [Place] {
        var data = try instance.dataFolder()
        if let inventory {
            // The root of the server's data, which may be in another place.
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

    func known() throws -> Inventory {
        guard let inventory else {
            throw Failure(
                .notFound, "cannot determine where the data of “\(instance.name)” belongs",
                cause: "what it runs in is not there",
                remedy: "kecsctl status \(instance.name)")
        }
        return inventory
    }

    /// Returns the place of the database that the server uses, or of the one that was named, wherever it is.
    func placeOfDatabase(_ file: FilePath) throws -> Place {
        let spot = try DatabaseSpot(
            known(), named: request.database, parts: request.parts, for: instance)
        try spot.checkEngine(for: instance, force: request.force || request.changesEngine)
        let name = spot.part.part.name
        guard let root = try spot.part.part.root.map(followed) else { throw spot.outOfReach(instance) }
        let live = try spot.file(in: root, for: instance)
        // A database behind a link that leads out of the part is exchanged in its own folder; so is a file that is
        // mounted alone.
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

    /// Returns the target of a link. A user who put a link in the folder's place wants the data there, also after a
    /// restore.
    func followed(_ live: FilePath) throws -> FilePath {
        try FileStatus.of(live)?.kind == .symlink ? live.resolved() : live
    }

    func staging(for live: FilePath, part: String) throws -> FilePath {
        try StagedTree.stagingFolder(
            for: live, within: outermost(around: live), part: part, id: id, in: instance.folder)
    }

    /// The outermost folder of another part that this one lies in, as when a project's folder and one below it are both
    /// mounted.
    func outermost(around live: FilePath) -> FilePath? {
        let folders = (inventory?.parts ?? []).compactMap { part -> FilePath? in
            switch part.part.place {
            case .folder(let folder), .volume(_, at: let folder?): folder
            case .entries, .volume(_, at: nil): nil
            }
        }
        return folders.filter { $0 != live && live.starts(with: $0) }.min {
            $0.components.count < $1.components.count
        }
    }

    /// Checks the free space: the new trees lie next to the old ones until the exchange.
    func checkRoom(_ places: [Place], for source: OpenedSource) throws {
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
                throw GainRoom(site: site, instance: instance).failure(
                    "not enough free space to restore “\(instance.name)” next to what is there",
                    needed: ByteCount(bytes), free: free, in: there)
            }
        }
    }
}
