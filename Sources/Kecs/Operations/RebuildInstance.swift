// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import SystemPackage

/// Makes the folder of an instance that is gone, or whose configuration is broken, so that a backup can be restored
/// into it.
public struct RebuildInstance: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Does nothing when the instance can be read.
    ///
    /// - Returns: Whether anything was made.
    /// - Throws: `Failure(.notFound)` when there is neither instance nor backup.
    @discardableResult
    public func run(_ name: InstanceName, _ from: RestoreFrom, runtime: RuntimeKind?) throws -> Bool {
        let folder = site.home.folder(of: name)
        if folder.config.isPresent, (try? InstanceConfig.read(folder.config)) != nil { return false }
        var kind = runtime
        var id: String?
        let store = site.home.backupStore(of: name)
        if case .file(let file) = from {
            guard file.isPresent else {
                throw Failure(.notFound, "there is no file “\(file)”", remedy: "kecsctl backups list \(name)")
            }
        } else {
            let backup: StoredBackup? =
                switch from {
                case .latest: try store.latest()
                case .at(let moment): try store.newest(notAfter: moment, instance: name.description)
                case .id(let text): try store.find(text, instance: name.description)
                case .file: nil
                }
            guard let manifest = backup?.manifest else { throw site.notFound(name) }
            id = manifest.instanceId
            kind = kind ?? RuntimeKind(rawValue: manifest.runtime.kind)
        }
        let config = InstanceConfig(
            name: name, id: id ?? site.newUUID(), createdAt: site.machine.clock.now(), runtime: kind ?? .local
        )
        if folder.path.isFolder {
            if folder.config.isPresent {
                // A broken configuration is evidence: it is kept beside.
                try folder.config.rename(to: folder.path.appending("config.json.broken"))
            }
            try config.write(to: folder.config)
        } else {
            try site.create(config, named: name)
        }
        return true
    }
}
