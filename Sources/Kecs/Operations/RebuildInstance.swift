// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// Creates the folder of an instance that is gone, or whose configuration is broken, so that a backup can be restored
/// into it.
public struct RebuildInstance: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Rebuilds the instance. Does nothing when the instance can be read. Otherwise its configuration is the one in the
    /// backup, so that it returns as it was; a foreign file has none.
    ///
    /// - Parameter from: Nil for a state that comes without a configuration.
    /// - Returns: True when anything was made.
    /// - Throws: `Failure(.notFound)` when there is neither an instance nor a backup.
    @discardableResult
    public func run(
        _ name: InstanceName, _ from: RestoreFrom?, runtime: RuntimeKind?, lock: LockRequest
    ) async throws -> Bool {
        let folder = site.home.folder(of: name)
        guard try isNeeded(folder) else { return false }
        // The search creates nothing: without a backup there is nothing to rebuild from.
        _ = try await config(of: name, from, runtime: runtime)
        try site.home.instances.createFolder()
        let homeLock = try await FileLock.acquire(
            site.home.lock, command: lock.command, wait: max(lock.wait ?? .zero, .seconds(30)),
            clock: site.machine.clock, cancellation: site.machine.cancellation)
        defer { homeLock.unlock() }
        guard try isNeeded(folder) else { return false }
        let config = try await config(of: name, from, runtime: runtime)
        try site.check(dataFolder: site.instance(name, config: config).dataFolder(), for: name)
        guard try folder.path.isFolder else {
            try site.create(config, named: name)
            return true
        }
        let own = try await site.lock(name, lock)
        defer { own.unlock() }
        if try folder.config.isPresent {
            // A broken configuration is evidence: it is kept under another name.
            let broken = try FreeName.first { number in
                let name = "config.json.broken" + (number > 1 ? "-\(number)" : "")
                return try folder.path.appending(name).isPresent ? nil : folder.path.appending(name)
            }
            try folder.config.renameWithoutReplacing(to: broken)
        }
        try config.write(to: folder.config)
        return true
    }

    /// Returns the instance that `run` would make, without making it; nil when there is one already.
    public func planned(
        _ name: InstanceName, _ from: RestoreFrom?, runtime: RuntimeKind?
    ) async throws -> Instance? {
        guard try isNeeded(site.home.folder(of: name)) else { return nil }
        // The configuration is unpacked there to be read.
        let missing = try MissingFolders(upTo: site.home.instances)
        defer { missing.remove() }
        let planned = try site.instance(name, config: try await config(of: name, from, runtime: runtime))
        try site.check(dataFolder: planned.dataFolder(), for: name)
        return planned
    }

    /// Returns true when the instance must be rebuilt. A configuration that cannot be read now, or that another version
    /// wrote, is not broken.
    private func isNeeded(_ folder: InstanceFolder) throws -> Bool {
        guard try folder.config.isPresent else { return true }
        do {
            _ = try InstanceConfig.read(folder.config)
            return false
        } catch let error as JSONFileError {
            if let values = try? JSONFile.read([String: JSONValue].self, from: folder.config),
                let version = values["version"], version != .integer(Int64(InstanceConfig.currentVersion))
            {
                throw Failure(
                    .damaged, "the configuration belongs to another kecsctl",
                    cause: "\(error.path): \(error.why)")
            }
            return true
        }
    }

    private func config(
        of name: InstanceName, _ from: RestoreFrom?, runtime: RuntimeKind?
    ) async throws -> InstanceConfig {
        let store = site.home.backupStore(of: name)
        let backup: StoredBackup?
        var empty = InstanceConfig(
            name: name, id: site.newUUID(), createdAt: site.machine.clock.now(), runtime: runtime ?? .local)
        try empty.fixPlace(site.machine.environment)
        switch from {
        case nil, .input: return empty
        case .file(let file):
            guard try file.isPresent else {
                throw Failure(.notFound, "there is no file “\(file)”", remedy: "kecsctl backups list \(name)")
            }
            // A backup's folder, copied here by hand or fetched.
            guard try file.isFolder, let id = file.lastComponent.flatMap({ BackupID($0.string) }) else {
                return empty
            }
            backup = BackupStore(folder: file.removingLastComponent()).look(at: id)
        case .latest: backup = try store.latest()
        case .at(let moment): backup = try store.newest(notAfter: moment, instance: name.description)
        case .id(let text): backup = try store.find(text, instance: name.description)
        }
        guard let backup, let manifest = backup.manifest else { throw site.notFound(name) }
        let kind = runtime ?? RuntimeKind(rawValue: manifest.runtime.kind) ?? .local
        var config = InstanceConfig(
            name: name, id: manifest.instanceId, createdAt: site.machine.clock.now(), runtime: kind)
        if let recorded = try await recorded(name, in: backup, manifest), recorded.runtime == kind {
            config.createdAt = recorded.createdAt
            config.settings = recorded.settings
            config.degraded = recorded.degraded
        } else {
            try config.fixPlace(site.machine.environment)
        }
        return config
    }

    /// Returns the `config.json` that the backup holds. Under the home's lock no other process creates this instance.
    private func recorded(
        _ name: InstanceName, in backup: StoredBackup, _ manifest: Manifest
    ) async throws -> InstanceConfig? {
        guard let record = manifest.parts.first(where: { $0.root == .configuration }) else { return nil }
        let unsealed = try await UnsealBackup(site: site)
            .run(backup, settings: try site.settings(), parts: [record.name])
        defer { unsealed.close() }
        let archive = unsealed.backup.archive(of: record)
        let part = unsealed.backup.manifest?.parts.first { $0.name == record.name } ?? record
        let scratch = site.home.instances.appending(".\(name).creating")
        if try scratch.isPresent { try scratch.removeTree() }
        try scratch.createFolder()
        defer { scratch.discardQuietly() }
        var options = UnpackOptions(
            expectedSHA256: part.sha256, maxEntries: part.entries, maxBytes: part.sourceBytes,
            owners: .all(owner: Machine.userID, group: Machine.groupID))
        options.readsOnlySelected = true
        options.select = { $0.elementsEqual(InstanceFolder.configName.utf8) }
        _ = try unpackArchive(
            archive, into: scratch, options: options, threads: site.threads,
            cancellation: site.machine.cancellation, progress: SilentProgress())
        let file = scratch.appending(InstanceFolder.configName)
        return try file.isPresent ? InstanceConfig.read(file) : nil
    }
}
