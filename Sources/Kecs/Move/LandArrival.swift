// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

/// Puts a backup that has come whole in place: verified, then restored into the instance, which is made for it. Doing it
/// again does nothing.
public struct LandArrival: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    public func run(_ landing: Arrival.Landing, told: (Told) -> Void) async throws -> Arrival.Landed {
        let name = try InstanceName(checking: landing.question.name)
        let files = try landing.files.map { try $0.checked() }
        let store = site.home.backupStore(of: name)
        let place = ArrivalPlace(store: store)
        guard let record = try place.record(), record.instanceId == landing.question.config.id else {
            throw Failure(
                .notFound, "nothing of “\(name)” has come here",
                cause: "\(place.folder) was removed meanwhile, or is another's", remedy: "kecsctl list")
        }
        if landing.question.isClone {
            return try await clone(landing, files, as: name, place)
        }
        var landed = Arrival.Landed(parts: [], ports: [:], notes: [], damaged: [])
        if try !store.folder.appending(landing.id.description).isPresent {
            landed.damaged = try assemble(landing.id, files, place)
            if !landed.damaged.isEmpty { return landed }
            try enter(landing.id, place)
        }
        let config = try SettleConfig(site: site, question: landing.question).run(name).0
        try await make(config, named: name, place)
        let lock = LockRequest(command: "kecsctl move", wait: .seconds(600))
        landed.parts = try await site.locked(name, lock, duty: .leave, checksPlace: false, told: told) {
            instance in
            guard instance.config.id == config.id else { throw site.isTaken(name) }
            if try place.record()?.landed == landing.id {
                return store.look(at: landing.id).manifest?.parts.map(\.name) ?? []
            }
            // The restore keeps it: the backup has that of the other machine.
            try config.write(to: instance.folder.config)
            let request = RestoreRequest(from: .id(landing.id.description), start: false)
            let restored = try await RestoreBackup(site: site).run(try site.instance(name), request)
            landed.notes += restored.notes
            // What it has now is newer than what moved away.
            if try instance.folder.move.isPresent { try instance.folder.move.remove() }
            try await place.change(site) { $0?.landed = landing.id }
            return restored.parts
        }
        for key in SettingKey.ports {
            if case .integer(let port)? = config.settings[key.rawValue] {
                landed.ports[key.rawValue] = Int(port)
            }
        }
        return landed
    }

    /// The move is done: what was kept aside goes.
    public func end(_ farewell: Arrival.Farewell, told: (Told) -> Void) async throws {
        let name = try InstanceName(checking: farewell.name)
        let place = ArrivalPlace(store: site.home.backupStore(of: name))
        guard let record = try place.record(), record.instanceId == farewell.instanceId else { return }
        let lock = LockRequest(command: "kecsctl move", wait: .seconds(600))
        try await site.locked(name, lock, duty: .leave, checksPlace: false, told: told) { instance in
            // An empty instance, and what came first.
            let previous = instance.folder.previous
            if record.made == true, try previous.isPresent { try previous.removeTree() }
        }
        try place.remove()
    }

    // MARK: The backup

    /// Puts it together and reads all of it.
    ///
    /// - Returns: The digests of files that are not what was sent, and that are gone now.
    private func assemble(
        _ id: BackupID, _ files: [Arrival.File], _ place: ArrivalPlace
    ) throws -> [String] {
        for file in files where try FileStatus.of(place.file(file.sha256))?.size != file.bytes {
            throw Failure(
                .unreachable, "“\(file.name)” did not arrive completely",
                cause: "the connection ended too early; run the same command again to resume")
        }
        _ = try place.assemble(files, as: id)
        do {
            try VerifyBackup(
                depth: .full, threads: site.threads, cancellation: site.machine.cancellation,
                progress: site.machine.progress
            ).run(id, in: BackupStore(folder: place.folder))
        } catch let damage as BackupDamage {
            let damaged = try place.removeDamaged(files, site)
            // All is as it was sent: it was damaged before.
            guard !damaged.isEmpty else { throw damage }
            return damaged
        }
        return []
    }

    /// Makes it one of the backups here.
    private func enter(_ id: BackupID, _ place: ArrivalPlace) throws {
        let aside = BackupStore(folder: place.folder)
        try aside.mark(id) { $0.imported = true }
        let folder = place.folder.appending(id.description)
        try folder.syncFileSystem()
        try folder.renameWithoutReplacing(to: place.store.folder.appending(id.description))
        try place.store.folder.sync()
        try place.store.place(imported: id)
        try LatestLink(store: place.store).update()
    }

    // MARK: The instance

    private func make(
        _ config: InstanceConfig, named name: InstanceName, _ place: ArrivalPlace
    ) async throws {
        guard try !site.home.folder(of: name).path.isFolder else { return }
        try await place.change(site) { $0?.made = true }
        try await FileLock.hold(
            site.home.lock, command: "kecsctl move", wait: .seconds(30), clock: site.machine.clock,
            cancellation: site.machine.cancellation
        ) {
            // It must be possible to run it before it exists.
            _ = try site.runtime(try site.instance(name, config: config))
            try site.create(config, named: name)
        }
    }

    private func clone(
        _ landing: Arrival.Landing, _ files: [Arrival.File], as name: InstanceName, _ place: ArrivalPlace
    ) async throws -> Arrival.Landed {
        var landed = Arrival.Landed(parts: [], ports: [:], notes: [], damaged: [])
        if try site.home.folder(of: name).path.isPresent { throw site.isTaken(name) }
        landed.damaged = try assemble(landing.id, files, place)
        if !landed.damaged.isEmpty { return landed }
        let settled = SettleConfig(site: site, question: landing.question)
        let source = try settled.source()
        var config = try settled.run(name).0
        let clone = CloneInstance(site: site)
        let draft = try await CloneDraft(site, for: name, command: "kecsctl clone")
        defer { draft.close() }
        landed.parts = try await clone.unpack(
            place.folder.appending(landing.id.description), config, named: name, into: draft)
        var request = CloneRequest()
        for (key, port) in landing.question.ports {
            if let key = SettingKey(rawValue: key) { request.settings[key] = String(port) }
        }
        landed.ports = try await FileLock.hold(
            site.home.lock, command: "kecsctl clone", wait: .seconds(30), clock: site.machine.clock,
            cancellation: site.machine.cancellation
        ) {
            if try site.home.folder(of: name).path.isPresent { throw site.isTaken(name) }
            let runtime = try site.runtime(try site.instance(name, config: config))
            let ports = try clone.choosePorts(&config, of: source, runtime, request)
            let made = draft.inside.home.folder(of: name)
            try made.config.remove()
            try config.write(to: made.config)
            try site.machine.cancellation.check()
            try draft.commit(name)
            return ports
        }
        landed.notes = clone.notes(source, landed.ports)
        try place.remove()
        if try place.store.folder.entries().isEmpty { try place.store.folder.removeTree() }
        return landed
    }
}
