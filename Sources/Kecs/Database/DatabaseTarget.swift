// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
public import SystemPackage

/// The database that a `db` command is about: the control plane's, or any SQLite file.
public enum DatabaseTarget: Sendable {
    /// Made by `of(_:site:)`, which knows the file's path.
    case instance(Instance, FilePath)
    case file(FilePath)

    /// - Parameter name: `PART/PATH`; nil for the database that the server uses.
    /// - Throws: `Failure` when the instance has no such SQLite database.
    public static func of(
        _ instance: Instance, named name: String? = nil, site: Site
    ) async throws -> DatabaseTarget {
        .instance(instance, try sqliteFile(try await site.database(of: instance, named: name), of: instance))
    }

    /// The name in messages: “dev”, or the path.
    var name: String {
        switch self {
        case .instance(let instance, _): "“\(instance.name)”"
        case .file(let path): path.string
        }
    }

    /// The database as it is named in a command line.
    var argument: String {
        switch self {
        case .instance(let instance, _): instance.name.description
        case .file(let path): "--database \(path)"
        }
    }

    /// - Throws: `Failure` when there is none, or when it is of another engine.
    func path() throws -> FilePath {
        switch self {
        case .instance(_, let path): return path
        case .file(let path):
            guard try path.isPresent else {
                throw Failure(.notFound, "there is no database \(path)", remedy: "kecsctl list")
            }
            guard try DatabaseEngine(of: path) == .sqlite else {
                throw Failure(
                    .usage, "\(path) is no SQLite database", cause: "it does not begin as one does",
                    remedy: "file \(path)")
            }
            return path
        }
    }

    /// Opens it for reading: leaves no sidecars where there were none, and delays no writer.
    func open(_ site: Site) throws -> SQLiteDatabase {
        let database = try SQLiteDatabase.reading(try path(), cancellation: site.machine.cancellation)
        try database.execute("PRAGMA query_only = ON")
        return database
    }
}
