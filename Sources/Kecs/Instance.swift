// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
import KecsSystem
public import SystemPackage

/// An instance with a readable configuration.
public struct Instance: Sendable {
    public var name: InstanceName
    public var folder: InstanceFolder
    public var config: InstanceConfig
    public var settings: Settings
    public var backups: BackupStore

    /// Returns the folder of the control plane's data: `data/` in the instance's folder unless it was set to another
    /// one.
    public func dataFolder() throws(Failure) -> FilePath {
        let given = try settings.text(.dataDir).map { FilePath($0) }
        if let given, !given.isAbsolute {
            throw Failure(
                .usage, "the data folder “\(given)” of “\(name)” is not an absolute path",
                cause:
                    "it would be another folder wherever kecsctl is called from; dataDir comes from \(try settings.setting(.dataDir).origin)",
                remedy: whereSettingsComeFrom)
        }
        let data = given ?? folder.data
        // A backup of it would contain itself, and a restore would replace its own source.
        if folder.path.starts(with: data.lexicallyNormalized()) {
            throw Failure(
                .usage, "the data folder of “\(name)” contains kecsctl's own home",
                cause: "\(folder.path) lies in \(data)",
                remedy: "kecsctl config set dataDir --unset --instance \(name)")
        }
        return data
    }

    /// A command that tells where a setting that cannot be used was made. Of an instance that is not there yet it was made by
    /// a flag of the start, or it holds for all.
    public var whereSettingsComeFrom: String {
        // What cannot be looked at is there.
        (try? folder.config.isPresent) == false
            ? "kecsctl start --help" : "kecsctl config show \(name) --origin"
    }

    /// How long its server may take to answer.
    public func startLimit() throws(Failure) -> Duration {
        try settings.duration(.startLimit)?.duration ?? .seconds(120)
    }

    public func databaseFile() throws(Failure) -> FilePath {
        try dataFolder().appending(InstanceFolder.databaseName)
    }

    /// Returns the folders that every instance has, as far as they exist: data, object store and configuration.
    public func folderParts() throws -> [Part] {
        var parts: [Part] = []
        let data = try dataFolder()
        if try data.isPresent { parts.append(Part(name: "data", place: .folder(data))) }
        if try folder.objectStore.isPresent {
            parts.append(Part(name: Part.objectStore, place: .folder(folder.objectStore)))
        }
        parts.append(
            Part(name: "config", place: .entries(of: folder.path, named: InstanceFolder.configEntries)))
        return parts
    }

    /// Returns the same for an inventory, which lists missing parts too.
    public func ownParts(dataInside: String? = nil) throws -> [InventoryPart] {
        var parts = try folderParts()
        if !parts.contains(where: { $0.name == "data" }) {
            parts.insert(Part(name: "data", place: .folder(try dataFolder())), at: 0)
        }
        return parts.map { part in
            InventoryPart(
                part: part, role: PartRole(of: part, inside: nil),
                pathInside: part.name == "data" ? dataInside : nil, presence: .missing)
        }
    }

    /// Returns the place of a part as a manifest names it: relative to the instance's folder if it lies in there.
    public func root(of part: Part) -> PartRoot {
        switch part.place {
        case .entries(let path, let names):
            path == folder.path
                ? .configuration : .file(path.appending(names.map { FilePath($0) }.flatMap(\.components)))
        case .volume(let name, _): .volume(name)
        case .folder(let path):
            path.starts(with: folder.path)
                ? .inInstance(FilePath(root: nil, path.components.dropFirst(folder.path.components.count)))
                : .folder(path)
        }
    }
}
