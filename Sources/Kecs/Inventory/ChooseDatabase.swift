// SPDX-License-Identifier: Apache-2.0
import KecsSystem
public import SystemPackage

/// A database that a verb works on, and the inventory that it was found in.
public struct ChosenDatabase: Sendable {
    public var database: InventoryDatabase
    /// The file's path on this host.
    public var file: FilePath
    public var inventory: Inventory
    public var isPrimary: Bool
}

extension Site {
    /// Returns the database that the server uses, in the cheapest way: it scans the parts only when neither the setting
    /// nor the server's environment nor KECS's own name leads straight to it.
    public func primary(
        of instance: Instance
    ) async throws -> (primary: PrimaryDatabase, inventory: Inventory) {
        let quick = try await inventory(of: instance, databases: .none)
        switch quick.primary {
        case .found, .inContainer, .missing(_, _, .setting), .ambiguous: return (quick.primary, quick)
        // KECS's folder may hold a database of another name.
        case .missing(_, _, .variable(let name)) where name != "KECS_DATA_DIR": return (quick.primary, quick)
        case .missing, .none, .unknown:
            let full = try await inventory(of: instance)
            return (full.primary, full)
        }
    }

    /// Returns the database that a verb is about.
    ///
    /// - Parameter name: `PART/PATH`; nil for the one that the server uses.
    /// - Throws: `Failure` with the reason why there is none, or with the names of all candidates.
    public func database(of instance: Instance, named name: String? = nil) async throws -> ChosenDatabase {
        if let name { return try await database(of: instance, exactly: name) }
        let (primary, inventory) = try await primary(of: instance)
        switch primary {
        case .found(let database, _):
            return ChosenDatabase(
                database: database, file: try reachable(database, of: instance), inventory: inventory,
                isPrimary: true)
        case .ambiguous(let all):
            throw Failure(
                .usage, "“\(instance.name)” has \(all.count) databases, and nothing says which one is meant",
                cause:
                    "there are: \(all.map(\.described).joined(separator: ", ")); --database PART/PATH names one",
                remedy:
                    "kecsctl config set database \(ShellWords.quote([all[0].name])) --instance \(instance.name)"
            )
        case .missing(let part, let path, let reason):
            throw Failure(
                .notFound, "“\(instance.name)” has no database",
                cause: "there is no \(inventory.place(part, path)), which \(reason.sentence)",
                remedy: "kecsctl inspect \(instance.name)")
        case .inContainer(let path, let reason):
            throw Failure(
                .failed, "the database of “\(instance.name)” is in its container only, and goes with it",
                cause: "\(reason.sentence(about: path.string)), where nothing is mounted",
                remedy: "kecsctl doctor \(instance.name)")
        case .none:
            throw Failure(
                .notFound, "“\(instance.name)” has no database",
                cause:
                    "none of its parts holds one: \(inventory.parts.map(\.part.name).joined(separator: ", "))",
                remedy: "kecsctl inspect \(instance.name)")
        case .unknown(let why):
            throw Failure(
                .failed, "cannot determine which database “\(instance.name)” uses", cause: why,
                remedy: "sudo kecsctl inspect \(instance.name)")
        }
    }

    /// Returns the database, which must be an SQLite database.
    public func sqliteDatabase(
        of instance: Instance, named name: String? = nil
    ) async throws -> ChosenDatabase {
        let chosen = try await database(of: instance, named: name)
        _ = try sqliteFile(chosen, of: instance)
        return chosen
    }

    private func database(of instance: Instance, exactly name: String) async throws -> ChosenDatabase {
        var told = instance
        told.settings.flags[.database] = name
        let inventory = try await inventory(of: told, databases: .none)
        guard case .found(let database, _) = inventory.primary else {
            let known = try await self.inventory(of: instance)
            let all = known.databases.map(\.described).joined(separator: ", ")
            throw Failure(
                .notFound, "“\(instance.name)” has no database “\(name)”",
                cause: known.databases.isEmpty ? "it has none at all" : "there are: \(all)",
                remedy: "kecsctl inspect \(instance.name)")
        }
        return ChosenDatabase(
            database: database, file: try reachable(database, of: instance), inventory: inventory,
            isPrimary: false)
    }

    private func reachable(_ database: InventoryDatabase, of instance: Instance) throws(Failure) -> FilePath {
        guard let file = database.file else {
            throw Failure(
                .failed, "the database \(database.name) of “\(instance.name)” cannot be reached",
                cause: "its volume is not open to this user", remedy: "sudo kecsctl inspect \(instance.name)")
        }
        return file
    }
}

extension InventoryDatabase {
    /// The name for lists in sentences: `data/app.db (SQLite, 12 KiB)`.
    var described: String { "\(name) (\(engine.title), \(ByteCount(bytes)))" }
}

extension InventoryEngine {
    /// The name for people.
    public var title: String {
        switch self {
        case .sqlite: "SQLite"
        case .duckdb: "DuckDB"
        case .folder(let server): server
        case .unknown: "unknown engine"
        case .unseen: "not looked at"
        }
    }
}

extension PrimaryReason {
    /// The clause after “which”.
    var sentence: String {
        switch self {
        case .setting: "the setting database names"
        case .variable(let name): "\(name) of the server names"
        case .ownName: "is KECS's own name for it"
        case .onlyOne: "is the only one"
        }
    }

    public func sentence(about place: String) -> String {
        switch self {
        case .setting: "the setting database names \(place)"
        case .variable(let name): "\(name) of the server names \(place)"
        case .ownName, .onlyOne: place
        }
    }
}

extension Inventory {
    /// A place in a part, as a path of this host where there is one.
    func place(_ part: String, _ path: [UInt8]) -> String {
        if let root = parts.first(where: { $0.part.name == part })?.part.root {
            return root.appending(bytes: path).string
        }
        return "\(part)/\(printable(path))"
    }

    /// Returns the path at which the server sees a database; nil where it cannot see it.
    func pathInside(of database: InventoryDatabase) -> FilePath? {
        guard let mounts else { return database.file }
        let part = parts.first { $0.part.name == database.part }
        for mount in mounts {
            switch mount.source {
            case .volume(let name):
                if case .volume(name, _)? = part?.part.place {
                    return mount.inside.appending(bytes: database.path)
                }
            case .host(let folder):
                guard let root = part?.part.root else { continue }
                let file = root.appending(bytes: database.path)
                guard file.starts(with: folder) else { continue }
                return mount.inside.appending(file.components.dropFirst(folder.components.count))
            }
        }
        // The intended mount is missing there: the server has something else of that name, or nothing.
        return part?.pathInside.map { FilePath($0).appending(bytes: database.path) }
    }
}
