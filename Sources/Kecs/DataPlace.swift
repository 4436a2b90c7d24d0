// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
public import SystemPackage

/// Whether an instance's data can lie in a folder without being in somebody's way: what lies in another instance's folder
/// is destroyed with it, and what lies in a part of it is replaced with that part.
extension Site {
    /// A folder that a data folder would be in the way of, or that would be in its way.
    public struct Collision {
        /// What is wrong, as a clause after the data folder: "lies in the folder of “dev”".
        public var clause: String
        public var place: FilePath
        /// Whose place it is; nil when it is kecsctl's own.
        public var other: InstanceName?
        /// True for the very folder in which the other has its data: then a second server would start on it.
        public var isTheirs = false
    }

    /// - Parameter name: Whose data folder it is to be; nil for the one of all instances that have none of their own.
    func collision(ofDataFolder dataFolder: FilePath, for name: InstanceName?) throws -> Collision? {
        let folder = dataFolder.resolved()
        if let name, folder == home.folder(of: name).data.resolved() { return nil }
        for (other, theirs) in try dataFolders(besides: name)
        where folder.starts(with: theirs) || theirs.starts(with: folder) {
            // Where there is none but the one of all, nobody has it of their own.
            if name == nil, other.config.settings[SettingKey.dataDir.rawValue] == nil { continue }
            return Collision(
                clause: "belongs to “\(other.name)” already", place: theirs, other: other.name,
                isTheirs: folder == theirs)
        }
        return try collision(ofDataFolder: dataFolder, withFoldersOfKecsctlFor: name)
    }

    /// The same, but other instances' data folders that lie outside the home.
    public func collision(
        ofDataFolder dataFolder: FilePath, withFoldersOfKecsctlFor name: InstanceName?
    ) throws -> Collision? {
        let folder = dataFolder.resolved()
        if let name, folder == home.folder(of: name).data.resolved() { return nil }
        // What lies behind a link is as much the instance's own as what does not.
        for other in try instanceNames() {
            for place in [home.folder(of: other).path, home.backupStore(of: other).folder] {
                let place = place.resolved()
                guard folder.starts(with: place) || place.starts(with: folder) else { continue }
                let clause = folder.starts(with: place) ? "lies in a folder" : "contains a folder"
                return Collision(
                    clause: "\(clause) of “\(other)”", place: place, other: other == name ? nil : other)
            }
        }
        let own = home.path.resolved()
        for place in [own, home.backups.resolved(), home.instances.resolved()]
        where folder.starts(with: place) {
            return Collision(clause: "lies in kecsctl's own home", place: place)
        }
        return nil
    }

    /// Refuses what no server could have its data in.
    ///
    /// - Parameter name: As `collision(ofDataFolder:for:)` has it.
    func check(dataFolder: FilePath, for name: InstanceName?) throws {
        if let status = try FileStatus.following(dataFolder), status.kind != .folder {
            throw Failure(
                .usage, "\(dataFolder) is no folder", cause: "dataDir is the folder that the data lies in",
                remedy: "ls -ld \(ShellWords.quote([dataFolder.string]))")
        }
        if home.path.resolved().starts(with: dataFolder.resolved()) {
            throw Failure(
                .usage, "\(dataFolder) contains kecsctl's own home", cause: "\(home.path) lies in it",
                remedy: "kecsctl config show --origin")
        }
        guard let collision = try collision(ofDataFolder: dataFolder, for: name) else { return }
        throw Failure(
            collision.isTheirs ? .busy : .usage,
            "the data folder \(dataFolder)\(name.map { " of “\($0)”" } ?? "") \(collision.clause)",
            cause:
                "\(collision.place) must not be shared: every change to one would change the other. "
                + "Choose a folder outside \(home.path)",
            remedy: collision.other.map { "kecsctl inspect \($0)" } ?? "kecsctl config show --origin")
    }

    /// That the data of an instance that is there lies in no folder of kecsctl's own but its `data/`: it may have been
    /// recorded otherwise.
    func checkPlace(of instance: Instance) throws {
        let folder = try instance.dataFolder()
        guard
            let collision = try collision(
                ofDataFolder: folder, withFoldersOfKecsctlFor: instance.name)
        else { return }
        throw Failure(
            .usage, "the data folder \(folder) of “\(instance.name)” \(collision.clause)",
            cause:
                "\(collision.place) must not be shared: every change to one would change the other. "
                + "Move it, and name its new place with “config set dataDir”",
            remedy: instance.config.settings[SettingKey.dataDir.rawValue] != nil
                ? "kecsctl config set dataDir --unset --instance \(instance.name)"
                : "kecsctl config show \(instance.name) --origin")
    }
}
