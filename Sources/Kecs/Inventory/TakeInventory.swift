// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSystem
import SystemPackage

extension Site {
    /// Finds the instance's state, on which every verb works.
    ///
    /// - Throws: `Failure` when the runtime cannot determine the instance's parts. A missing or unreadable part is no
    ///   error: its presence records it.
    public func inventory(
        of instance: Instance, databases search: DatabaseSearch = .look
    ) async throws -> Inventory {
        let setup = try await runtime(instance).server.serverSetup()
        var parts = setup.parts
        for index in parts.indices {
            parts[index].presence = try PartPresence.of(parts[index])
            if parts[index].presence == .empty { parts[index].bytes = 0 }
        }
        let finder = FindDatabases(cancellation: machine.cancellation)
        var databases: [InventoryDatabase] = []
        for index in parts.indices {
            guard let scan = try scan(parts[index], search), let root = parts[index].part.root else {
                continue
            }
            switch scan {
            case .success(let scan):
                parts[index].bytes = scan.bytes
                databases += try finder.run(in: parts[index].part, at: root, scan: scan)
            case .failure(let error): parts[index].presence = .unreadable("\(error)")
            }
        }
        let primary = try ChoosePrimary(
            setup: setup, parts: parts, databases: databases, setting: try instance.settings.text(.database)
        ).run()
        if case .found(let database, _) = primary,
            !databases.contains(where: { $0.part == database.part && $0.path == database.path })
        {
            databases.append(database)
        }
        for index in parts.indices where parts[index].role == .data && !parts[index].isOwn(of: instance) {
            let name = parts[index].part.name
            if case .found(let database, _) = primary, database.part == name { continue }
            if !databases.contains(where: { $0.part == name && !isCopyOfDatabase($0.path) }),
                try PartRole.holdsOnlyBackups(parts[index])
            {
                parts[index].role = .backups
            }
        }
        return Inventory(
            parts: parts, databases: databases, primary: primary, user: setup.user,
            endpoints: setup.endpoints, engineHost: setup.engineHost, isKECS: setup.isKECS,
            mounts: setup.mounts)
    }

    /// - Returns: Nil for a part that is not scanned.
    private func scan(
        _ part: InventoryPart, _ search: DatabaseSearch
    ) throws -> Result<TreeScan, FileError>? {
        switch search {
        case .none: return nil
        case .scans(let known): if let scan = known[part.part.name] { return .success(scan) }
        case .besideObjects: if part.role == .objects { return nil }
        case .look: break
        }
        guard part.presence == .present, part.part.root != nil else { return nil }
        do {
            return .success(
                try scanTree(try part.part.source(), cancellation: machine.cancellation))
        } catch let error as FileError {
            return .failure(error)
        }
    }
}

extension PartPresence {
    public static func of(_ part: InventoryPart) throws -> PartPresence {
        guard let root = part.part.root else { return part.presence }
        do {
            if case .entries(_, let named) = part.part.place {
                let anything = try named.contains { try FileStatus.of(root.appending($0)) != nil }
                return anything ? .present : .missing
            }
            guard let status = try FileStatus.following(root) else { return .missing }
            guard status.kind == .folder else { return .unreadable("\(root) is no folder") }
            return try StateOf.isEmpty(root) ? .empty : .present
        } catch let error as FileError {
            return .unreadable("\(error)")
        }
    }
}

extension InventoryPart {
    /// Returns true when the part lies in the instance's own folder, which never counts as a user's collection of
    /// dumps.
    func isOwn(of instance: Instance) -> Bool {
        guard let root = part.root else { return false }
        return root.starts(with: instance.folder.path)
    }
}
