// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// The options of `clone`.
public struct CloneRequest: Sendable {
    /// A backup's id or its beginning, or `latest`; nil for the source's present state.
    public var from: String?
    /// The given ports.
    public var settings: [SettingKey: String]
    public var dryRun: Bool

    public init(from: String? = nil, settings: [SettingKey: String] = [:], dryRun: Bool = false) {
        self.from = from
        self.settings = settings
        self.dryRun = dryRun
    }
}

/// Makes a second instance from a source. Its databases are captured as for a backup, while the source runs. Everything
/// is unpacked and checked as by a restore, into a draft that becomes the instance with one rename.
public struct CloneInstance: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Clones the instance. Call it under the source's lock.
    public func run(
        _ source: Instance, as name: InstanceName, _ request: CloneRequest, lock: LockRequest
    ) async throws -> CloneReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        try site.checkIsFree(name)
        let runtime = try site.runtime(source)
        if let obstacle = runtime.provision.obstacleToCloning() {
            throw Failure(
                .usage, "“\(source.name)” cannot be cloned", cause: obstacle,
                remedy: "kecsctl restore \(source.name) --from latest --into \(name)")
        }
        let backup = try request.from.map {
            try source.backups.find($0, instance: source.name.description)
        }
        var config = try config(of: source, named: name, in: site.home)
        var report = CloneReport(
            outcome: .planned, to: name.description, from: backup?.id.description, parts: [], ports: [:],
            durationSeconds: 0, notes: [])
        if request.dryRun {
            if let backup {
                report.parts = try RestorablePart.names(of: backup)
            } else {
                let plan = try await TakeBackup(site: site).run(
                    source, BackupRequest(prune: false, dryRun: true))
                if let lack = plan.lackError { throw lack }
                report.parts = (plan.plan ?? []).map(\.name)
            }
            report.ports = try choosePorts(&config, of: source, runtime, request)
            report.notes = notes(source, report.ports)
            report.durationSeconds = (clock.elapsed() - began).inSeconds
            return report
        }
        let draft = try await CloneDraft(site, for: name, command: lock.command)
        defer { draft.close() }
        let folder: FilePath
        if let backup { folder = backup.folder } else { folder = try await capture(source, into: draft) }
        report.parts = try await unpack(folder, config, named: name, into: draft)
        report.ports = try await FileLock.hold(
            site.home.lock, command: lock.command, wait: max(lock.wait ?? .zero, .seconds(30)),
            clock: clock, cancellation: site.machine.cancellation
        ) {
            try site.checkIsNotRenamed(name)
            try site.checkIsFree(name)
            let ports = try choosePorts(&config, of: source, runtime, request)
            // It must be possible to run it before it exists.
            _ = try site.runtime(try site.instance(name, config: config))
            let made = draft.inside.home.folder(of: name)
            try made.config.remove()
            try config.write(to: made.config)
            try site.machine.cancellation.check()
            try draft.commit(name)
            return ports
        }
        report.notes = notes(source, report.ports)
        report.outcome = .done
        report.durationSeconds = (clock.elapsed() - began).inSeconds
        return report
    }

    // MARK: The data

    /// Takes a backup of the source's present state into the draft. The source's own backups do not change.
    private func capture(_ source: Instance, into draft: CloneDraft) async throws -> FilePath {
        var shadow = source
        shadow.backups = draft.inside.home.backupStore(of: source.name)
        try shadow.backups.folder.createFolder()
        // It is unpacked at once.
        shadow.settings.flags[.compression] = Compression.none.rawValue
        let taken = try await TakeBackup(site: site).run(shadow, BackupRequest(prune: false))
        if let lack = taken.lackError { throw lack }
        if let failure = taken.startError { throw failure }
        guard let id = taken.backup?.id else {
            throw Failure(.failed, "“\(source.name)” could not be captured")
        }
        return shadow.backups.folder.appending(id.description)
    }

    /// Unpacks into an instance that runs nothing, so that its engine is not asked.
    func unpack(
        _ backup: FilePath, _ config: InstanceConfig, named name: InstanceName, into draft: CloneDraft
    ) async throws -> [String] {
        var bare = config
        bare.runtime = .local
        bare.settings = [:]
        try draft.inside.create(bare, named: name)
        let instance = try draft.inside.instance(name)
        var request = RestoreRequest(from: .file(backup), start: false)
        request.acceptsStrangers = true
        let restored = try await RestoreBackup(site: draft.inside).run(instance, request)
        // The empty folders that the restore replaced.
        for place in [instance.folder.previous, instance.folder.restoring] where try place.isPresent {
            try place.removeTree()
        }
        return restored.parts
    }

    // MARK: The configuration

    /// Returns the source's configuration, without the settings for its identity and its place.
    ///
    /// - Parameter home: The home of the clone.
    func config(of source: Instance, named name: InstanceName, in home: Home) throws -> InstanceConfig {
        var config = InstanceConfig(
            name: name, id: site.newUUID(), createdAt: site.machine.clock.now(),
            runtime: source.config.runtime)
        let own: [SettingKey] = [.dataDir, .containerMode, .container, .containerId]
        let moved = MovedFolder(from: source.folder.path, to: home.instances.appending(name.description))
        for (key, value) in source.config.settings where !own.contains(where: { $0.rawValue == key }) {
            config.settings[key] = moved.value(value)
        }
        return config
    }

    /// Chooses the clone's ports. Call it under the home's lock, except for a dry run.
    func choosePorts(
        _ config: inout InstanceConfig, of source: Instance, _ runtime: any Runtime, _ request: CloneRequest
    ) throws -> [String: Int] {
        let old = SettingKey.ports.filter { source.config.settings[$0.rawValue] != nil }
        // The next start chooses everything that is not chosen here.
        for key in old { config.settings[key.rawValue] = nil }
        if runtime.provision.choosesPorts {
            let free = try ChoosePorts(site: site).run(for: source.config.runtime)
            config.settings[SettingKey.apiPort.rawValue] = .integer(Int64(free.api))
            config.settings[SettingKey.adminPort.rawValue] = .integer(Int64(free.admin))
        }
        for (key, value) in try site.chosen(request.settings, for: source.name) {
            config.settings[key] = value
        }
        var ports: [String: Int] = [:]
        for key in SettingKey.ports {
            guard case .integer(let port)? = config.settings[key.rawValue] else { continue }
            ports[key.rawValue] = Int(port)
        }
        Self.follow(&config, portsOf: source.config)
        return ports
    }

    /// Lets the address of the health check follow the ports: “http://127.0.0.1:5374/health” reaches the new instance.
    static func follow(_ config: inout InstanceConfig, portsOf old: InstanceConfig) {
        guard case .string(let url)? = config.settings[SettingKey.healthUrl.rawValue] else { return }
        for key in SettingKey.ports {
            guard case .integer(let new)? = config.settings[key.rawValue],
                case .integer(let port)? = old.settings[key.rawValue], new != port,
                url.contains(":\(port)/") || url.hasSuffix(":\(port)")
            else { continue }
            config.settings[SettingKey.healthUrl.rawValue] = .string(
                url.replacing(":\(port)", with: ":\(new)"))
            return
        }
    }

    func notes(_ source: Instance, _ ports: [String: Int]) -> [String] {
        guard let command = source.config.settings[SettingKey.command.rawValue]?.string else { return [] }
        return SettingKey.ports.compactMap { key in
            guard case .integer(let port)? = source.config.settings[key.rawValue],
                ports[key.rawValue] != Int(port),
                command.split(whereSeparator: { !$0.isNumber }).contains("\(port)")
            else { return nil }
            return "its command names the port \(port) of “\(source.name)”; the new one is in KECSCTL_"
                + (key == .adminPort ? "ADMIN_PORT" : "API_PORT")
                + "; the command is the setting “command”"
        }
    }
}

enum RestorablePart {
    /// - Throws: `Failure(.damaged)` for a backup that cannot be restored.
    static func names(of backup: StoredBackup) throws -> [String] {
        guard backup.isRestorable, let manifest = backup.manifest else {
            throw Failure(
                .damaged, "the backup “\(backup.id)” cannot be restored",
                remedy: "kecsctl backups show \(backup.id)")
        }
        return manifest.parts.map(\.name)
    }
}
