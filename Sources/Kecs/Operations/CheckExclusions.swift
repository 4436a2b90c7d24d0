// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSystem
import SystemPackage

/// Refuses patterns that would leave out essential parts of a backup, before anything is done.
struct CheckExclusions: Sendable {
    let site: Site
    let instance: Instance
    let exclusions: Exclusions

    /// - Parameters:
    ///   - parts: The parts that are to be captured.
    ///   - known: The names of all parts that the instance has or had.
    /// - Returns: By part, the databases that are left out: others than the server's own.
    func run(_ parts: [Part], known: Set<String>) async throws -> [String: [String]] {
        for item in exclusions.items where item.isFlag {
            guard let part = item.part, !known.contains(part) else { continue }
            throw Failure(
                .usage,
                "“\(instance.name)” has no part “\(part)”, of which “\(item.pattern)” is to be left out",
                cause:
                    "its parts are \(known.sorted().joined(separator: ", ")); a colon in a name is written \\:",
                remedy: "kecsctl inspect \(instance.name)")
        }
        let concerned = parts.filter { !exclusions.patterns(of: $0).isEmpty }
        guard !concerned.isEmpty else { return [:] }
        var scans: [String: TreeScan] = [:]
        for part in concerned {
            site.machine.progress.step("looking for databases in \(part.name)", total: nil)
            scans[part.name] = try scan(part)
        }
        let inventory = try await site.inventory(of: instance, databases: .scans(scans))
        var leftOut: [String: [String]] = [:]
        for part in concerned {
            try checkPrimary(inventory, part)
            for database in inventory.databases where database.part == part.name {
                guard try check(database, part, inventory) else { continue }
                leftOut[part.name, default: []].append(printable(database.path))
            }
            try checkFolders(inventory, part)
        }
        return leftOut
    }

    /// Scans all of the part where it can be read: the search for databases also covers files that are not archived.
    private func scan(_ part: Part) throws -> TreeScan {
        var source = try part.source()
        do {
            return try scanTree(source, cancellation: site.machine.cancellation)
        } catch is FileError {
            source.excluded = exclusions.patterns(of: part)
            return try scanTree(source, cancellation: site.machine.cancellation)
        }
    }

    /// Refuses to leave out the server's database, also one that does not exist at the moment.
    private func checkPrimary(_ inventory: Inventory, _ part: Part) throws {
        switch inventory.primary {
        case .found(let database, _) where database.part == part.name:
            var isFolder = false
            if case .folder = database.engine { isFolder = true }
            try refuse(database.path, isFolder: isFolder, in: part, because: "is the database of")
        case .missing(part.name, let path, _):
            try refuse(path, isFolder: false, in: part, because: "is the place of the database of")
        default: return
        }
    }

    /// - Returns: True when the database is left out as a whole.
    private func check(
        _ database: InventoryDatabase, _ part: Part, _ inventory: Inventory
    ) throws -> Bool {
        guard let root = part.root else { return false }
        var isFolder = false
        if case .folder = database.engine { isFolder = true }
        let reason = try exclusions.patterns(of: part).reason(
            toLeaveOut: database.path, isFolder: isFolder, below: root)
        if reason != nil {
            switch inventory.primary {
            case .ambiguous(let all) where all.contains(database):
                try refuse(database.path, isFolder: isFolder, in: part, because: "may be the database of")
            case .unknown where !isCopyOfDatabase(database.path):
                try refuse(database.path, isFolder: isFolder, in: part, because: "may be the database of")
            default: break
            }
            return true
        }
        // A folder has no sidecars, and a database that is captured through SQLite needs none. They are refused anyway,
        // because the author of the pattern believes that something is left out.
        guard !isFolder else { return false }
        try refuseSidecars(of: database.path, in: part)
        return false
    }

    private func refuse(_ path: [UInt8], isFolder: Bool, in part: Part, because what: String) throws {
        guard let root = part.root else { return }
        if let reason = try exclusions.patterns(of: part).reason(
            toLeaveOut: path, isFolder: isFolder, below: root)
        {
            throw refusal(reason, "\(part.name)/\(printable(path))", "it \(what) “\(instance.name)”")
        }
        if !isFolder { try refuseSidecars(of: path, in: part) }
    }

    private func refuseSidecars(of path: [UInt8], in part: Part) throws {
        guard let root = part.root else { return }
        for suffix in ["-wal", "-shm", "-journal", ".wal"] {
            let sidecar = path + Array(suffix.utf8)
            guard
                let reason = try exclusions.patterns(of: part).reason(
                    toLeaveOut: sidecar, isFolder: false, below: root)
            else { continue }
            throw refusal(
                reason, "\(part.name)/\(printable(sidecar))",
                "it belongs to the database \(part.name)/\(printable(path))")
        }
    }

    /// Refuses patterns that match only some files of a database folder: it is left out as a whole or not at all.
    private func checkFolders(_ inventory: Inventory, _ part: Part) throws {
        let folders = inventory.databases.filter { database in
            guard database.part == part.name, case .folder = database.engine else { return false }
            return true
        }.map(\.path)
        guard !folders.isEmpty, let root = part.root else { return }
        var source = try part.source()
        source.excluded = exclusions.patterns(of: part)
        try walkExcluded(source, cancellation: site.machine.cancellation) { path in
            for folder in folders
            where folder.isEmpty || path.starts(with: folder + [UInt8(ascii: "/")]) {
                let reason = try exclusions.patterns(of: part).reason(
                    toLeaveOut: path,
                    isFolder: try FileStatus.of(root.appending(bytes: path))?.kind == .folder,
                    below: root)
                throw refusal(
                    reason ?? "a pattern", "\(part.name)/\(printable(path))",
                    "it belongs to the database \(part.name)/\(printable(folder))")
            }
        }
    }

    private func refusal(_ reason: String, _ name: String, _ why: String) -> Failure {
        let isFlag = exclusions.items.contains { $0.isFlag && reason == "the pattern “\($0.pattern)”" }
        let isTag = !reason.hasPrefix("the pattern")
        let setting = (try? instance.settings.setting(isTag ? .excludeCaches : .exclude).origin)
        var remedy = "kecsctl backup \(instance.name)"
        if !isFlag, case .file(let file) = setting {
            remedy = "kecsctl config set \(isTag ? "excludeCaches" : "exclude") --unset"
            if file == instance.folder.config { remedy += " --instance \(instance.name)" }
        }
        return Failure(.usage, "\(reason) would leave \(name) out of the backup", cause: why, remedy: remedy)
    }
}
