// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

/// Finds, reads and creates instances.
extension Site {
    /// Returns every folder below `instances/`, broken ones included, sorted by name. A name that no instance can have
    /// is left out: it is not ours.
    public func instanceNames() throws -> [InstanceName] {
        guard try home.instances.isFolder else { return [] }
        return try home.instances.entries().compactMap { InstanceName($0.string) }
            .filter { try home.folder(of: $0).path.isFolder }
    }

    /// Reads an instance.
    ///
    /// - Parameter checksPlace: True when a variable that names another place than the recorded one is an error.
    /// - Throws: `Failure(.notFound)` when there is no such folder; `.damaged` when its configuration cannot be read.
    public func instance(
        _ name: InstanceName, flags: [SettingKey: String] = [:], checksPlace: Bool = true
    ) throws -> Instance {
        let folder = home.folder(of: name)
        try checkIsOurs(folder.path)
        guard try folder.path.isFolder else { throw notFound(name) }
        guard try folder.config.isPresent else {
            throw Failure(
                .damaged, "“\(name)” has no configuration", cause: "\(folder.config) is missing",
                remedy: "kecsctl restore \(name) --from latest --part config")
        }
        let config: InstanceConfig
        do {
            config = try InstanceConfig.read(folder.config)
        } catch let error as JSONFileError {
            throw Failure(
                .damaged, "the configuration of “\(name)” cannot be read",
                cause: "\(error.path): \(error.why)",
                remedy: "kecsctl restore \(name) --from latest --part config")
        }
        if checksPlace {
            for place in FixedPlace.all where !flags.keys.contains(where: { $0.rawValue == place.setting }) {
                try place.check(config, folder, environment: machine.environment)
            }
        }
        return try instance(name, config: config, flags: flags)
    }

    /// Reads an instance; nil for one that is broken, or gone meanwhile. It has no ports and no folder, and is reported
    /// elsewhere. An unreadable one may have both, and is an error. The recorded places apply: the variables of this
    /// call are about another instance.
    func soundInstance(_ name: InstanceName) throws -> Instance? {
        do {
            return try instance(name, checksPlace: false)
        } catch let failure as Failure where [.damaged, .notFound].contains(failure.kind) {
            return nil
        }
    }

    /// Returns the other sound instances with their data folders, links resolved.
    ///
    /// - Parameter name: The one to leave out; nil for none.
    func dataFolders(besides name: InstanceName?) throws -> [(instance: Instance, folder: FilePath)] {
        try instanceNames().filter { $0 != name }.compactMap { other in
            guard let instance = try soundInstance(other) else { return nil }
            // A setting that names no possible folder: every verb refuses such an instance, and nothing of it is there.
            guard let folder = try? instance.dataFolder() else { return nil }
            return (instance, folder.resolved())
        }
    }

    public func instance(
        _ name: InstanceName, config: InstanceConfig, flags: [SettingKey: String] = [:]
    ) throws -> Instance {
        Instance(
            name: name, folder: home.folder(of: name), config: config,
            settings: try settings(for: config, named: name, flags: flags),
            backups: home.backupStore(of: name))
    }

    /// Refuses a folder of ours that is a link to nowhere, or that another user owns.
    func checkIsOurs(_ folder: FilePath) throws {
        guard try folder.isPresent else { return }
        do { try folder.checkIsOurs() } catch let error as FileError {
            throw Failure(
                .failed, "“\(folder)” is not a folder of this home", cause: "\(error)",
                remedy: "ls -ld \(folder)")
        }
    }

    /// Returns the failure that there is no such instance, or that this cannot be determined where this user may not
    /// look.
    public func notFound(_ name: InstanceName) -> Failure {
        let names: [String]
        let hasBackups: Bool
        do {
            names = try instanceNames().map(\.description)
            hasBackups = try home.backupStore(of: name).folder.isFolder
        } catch {
            return Failure.describing(error, doing: "look for “\(name)”")
        }
        let near = NearestWord.of(name.description, among: names)
        // No instance is made for a mistyped name.
        return Failure(
            .notFound, "there is no instance “\(name)”",
            cause: names.isEmpty
                ? "\(home.instances) holds none"
                : "there are: \(names.joined(separator: ", "))"
                    + (near.map { "; the nearest is “\($0)”" } ?? ""),
            remedy: hasBackups ? "kecsctl restore \(name) --from latest" : "kecsctl list")
    }

    /// Makes the folder of a new instance, complete at once: built under another name, then renamed.
    ///
    /// - Throws: `Failure(.busy)` when another process made it meanwhile.
    func create(_ config: InstanceConfig, named name: InstanceName) throws {
        try checkIsNotRenamed(name)
        try home.instances.createFolder()
        let draft = home.instances.appending(".\(name).creating")
        if try draft.isPresent { try draft.removeTree() }
        let folder = InstanceFolder(path: draft)
        do {
            try draft.createFolder()
            try draft.checkIsOurs()
            for place in [folder.data, folder.objectStore, folder.logs] { try place.createFolder() }
            try config.write(to: folder.config)
            try draft.sync()
            try draft.renameWithoutReplacing(to: home.folder(of: name).path)
            try home.instances.sync()
        } catch let error as FileError where error.errno == .fileExists {
            try draft.removeTree()
            throw Failure(
                .busy, "“\(name)” is being created by another kecsctl", remedy: "kecsctl status \(name)")
        }
    }

    /// A version 4 UUID from the machine's randomness.
    func newUUID() -> String {
        var bytes = machine.random(16)
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        let text = Array(hex(bytes))
        let cuts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
        return cuts.map { String(text[$0]) }.joined(separator: "-")
    }
}
