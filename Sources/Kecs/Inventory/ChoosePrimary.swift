// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Chooses the database that the server uses: by the setting, the server's own environment, KECS's own name, or because
/// it is the only one.
struct ChoosePrimary {
    let setup: ServerSetup
    let parts: [InventoryPart]
    let databases: [InventoryDatabase]
    /// `PART/PATH`
    let setting: String?

    func run() throws -> PrimaryDatabase {
        if let setting { return try named(setting) }
        var expected: PrimaryDatabase?
        for kind in DatabaseVariable.all(in: setup.variables) {
            var found: [(InventoryDatabase, PrimaryReason)] = []
            for variable in kind {
                // An existing file decides the meaning of the value; otherwise the likeliest meaning counts.
                var meant: PrimaryDatabase?
                for path in variable.paths {
                    let file = variable.isFolder ? path.appending(InstanceFolder.databaseName) : path
                    guard let place = try at(file, .variable(variable.name)) else { continue }
                    if case .found = place {
                        meant = place
                        break
                    }
                    meant = meant ?? place
                }
                if case .found(let database, let reason)? = meant {
                    if !found.contains(where: { $0.0 == database }) { found.append((database, reason)) }
                } else if !variable.isFolder {
                    // A folder only shows where KECS would keep it.
                    expected = expected ?? meant
                }
            }
            if found.count == 1 { return .found(found[0].0, found[0].1) }
            if found.count > 1 { return .ambiguous(found.map(\.0)) }
        }
        if let expected { return expected }
        return byName() ?? onlyOne() ?? standard()
    }

    private func named(_ setting: String) throws -> PrimaryDatabase {
        guard let slash = setting.firstIndex(of: "/") else {
            return .unknown("“\(setting)” names no PART/PATH")
        }
        let part = String(setting[..<slash])
        let path = Array(setting[setting.index(after: slash)...].utf8)
        guard parts.contains(where: { $0.part.name == part }) else {
            return .missing(part: part, path: path, .setting)
        }
        return try at(part, path, .setting)
    }

    /// - Returns: Nil when the path cannot be a database's: a folder, or a mounted path that is no part.
    private func at(_ path: FilePath, _ reason: PrimaryReason) throws -> PrimaryDatabase? {
        switch setup.locate(path) {
        case .inPart(let part, let path) where !path.isEmpty:
            let found = try at(part, path, reason)
            // A variable may name a folder of files.
            if case .unknown = found { return nil }
            return found
        case .inPart, .outsideOfParts: return nil
        case .inContainer(let path): return .inContainer(path, reason)
        }
    }

    private func at(_ part: String, _ path: [UInt8], _ reason: PrimaryReason) throws -> PrimaryDatabase {
        if let known = databases.first(where: { $0.part == part && $0.path == path }) {
            return .found(known, reason)
        }
        guard let found = parts.first(where: { $0.part.name == part }) else {
            return .missing(part: part, path: path, reason)
        }
        guard let root = found.part.root else {
            return found.presence == .missing
                ? .missing(part: part, path: path, reason)
                : .found(
                    InventoryDatabase(part: part, path: path, engine: .unseen, bytes: 0, file: nil), reason)
        }
        let file = root.appending(bytes: path)
        guard let status = try FileStatus.following(file) else {
            return .missing(part: part, path: path, reason)
        }
        guard status.kind == .file else { return .unknown("\(file) is no file") }
        // A file at the server's path for its database is its database, whatever its content now.
        let engine =
            try DatabaseEngine(of: file.realPath(), size: status.size).map(InventoryEngine.init) ?? .unknown
        return .found(
            InventoryDatabase(
                part: part, path: path, engine: engine, bytes: try FindDatabases.bytes(of: file, engine),
                file: file), reason)
    }

    private func byName() -> PrimaryDatabase? {
        let named = databases.filter { $0.path.elementsEqual(InstanceFolder.databaseName.utf8) }
        if named.count > 1 { return .ambiguous(named) }
        return named.first.map { .found($0, .ownName) }
    }

    private func onlyOne() -> PrimaryDatabase? {
        let own = databases.filter { !isCopyOfDatabase($0.path) }
        for engine in [InventoryEngine.sqlite, .unknown, .duckdb] {
            let candidates = own.filter { $0.engine == engine }
            if candidates.count > 1 { return .ambiguous(candidates) }
            if let only = candidates.first { return .found(only, .onlyOne) }
        }
        return nil
    }

    /// The place where KECS would create it, when the server's data folder is set and nothing is there.
    private func standard() -> PrimaryDatabase {
        if let folder = setup.variables["KECS_DATA_DIR"],
            case .inPart(let part, let path) = setup.locate(
                FilePath(folder).appending(InstanceFolder.databaseName))
        {
            return .missing(part: part, path: path, .variable("KECS_DATA_DIR"))
        }
        if let unread = parts.first(where: { if case .unreadable = $0.presence { true } else { false } }),
            case .unreadable(let why) = unread.presence
        {
            return .unknown("the part “\(unread.part.name)” cannot be read here: \(why)")
        }
        return .none
    }
}
