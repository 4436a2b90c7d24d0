// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
public import SystemPackage

/// The source of `migrate import` or the target of `migrate export`, as the user gave it.
public enum StatePlace: Hashable, Sendable, CustomStringConvertible {
    case volume(String)
    case path(FilePath)

    /// `volume:NAME` or a path.
    public init(_ text: String, environment: [String: String]) throws(Failure) {
        if case .volume(let name) = PartRoot(text) {
            let isName =
                !name.isEmpty
                && name.utf8.allSatisfy { byte in
                    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                        || "_.-".utf8.contains(byte)
                }
            guard isName else {
                throw Failure(
                    .usage, "“\(name)” cannot be the name of a volume",
                    cause: "it has other characters than letters, digits, “_”, “.” and “-”",
                    remedy: "kecsctl migrate import --help")
            }
            self = .volume(name)
        } else {
            self = .path(try Home.absolute(FilePath(text), environment: environment))
        }
    }

    public var description: String {
        switch self {
        case .volume(let name): "\(PartRoot.volume(name))"
        case .path(let path): path.string
        }
    }
}

/// The kind of a path to import from, recognised by its content.
enum RecognisedSource: Hashable {
    /// A file that a restore accepts: an archive, an SQLite database, a dump, a backup, a bundle.
    case restorable(FilePath)
    /// A folder that is the data folder, or a whole instance's.
    case tree(FilePath)
    case duckdb(FilePath)

    init(_ path: FilePath, _ cancellation: Cancellation) throws {
        guard let status = try FileStatus.of(path) else {
            throw Failure(.notFound, "there is nothing to import at \(path)", remedy: "kecsctl list")
        }
        guard status.kind == .folder else {
            switch try ForeignFile.sniff(path) {
            case .duckdb: self = .duckdb(path)
            case .sqlite, .sqlDump, .tar, .tarGz, .otherArchive: self = .restorable(path)
            default:
                throw Failure(
                    .usage, "\(path) is nothing that can be imported",
                    cause: "an archive, an SQLite or DuckDB database, or an SQL dump was expected",
                    remedy: "file \(path)")
            }
            return
        }
        if try path.appending(BackupStore.manifestName).isPresent {
            self = .restorable(path)
            return
        }
        self = try Self.folder(path, cancellation)
    }

    /// Recognises the data folder itself, an instance's folder, or a dated folder with one archive of the data among
    /// others.
    private static func folder(_ path: FilePath, _ cancellation: Cancellation) throws -> RecognisedSource {
        let entries = try path.entries().map { path.appending($0) }
        var archives: [FilePath] = []
        for entry in entries where try FileStatus.of(entry)?.kind == .file {
            switch try ForeignFile.sniff(entry) {
            case .sqlite, .duckdb:
                // A folder of copies, each with another date in its name, is no data folder.
                let isAlone = try databases(in: entries).count == 1 && archivesIn(entries).isEmpty
                if isAlone || entries.contains(path.appending(InstanceFolder.databaseName)) {
                    return .tree(path)
                }
                archives.append(entry)
            case .tar, .tarGz, .otherArchive: archives.append(entry)
            default: break
            }
        }
        let names = Set(entries.compactMap { $0.lastComponent?.string })
        if names.contains(InstanceFolder.dataName),
            !names.isDisjoint(with: [InstanceFolder.objectStoreName] + InstanceFolder.configEntries)
        {
            return .tree(path)
        }
        let folders = try entries.filter { try $0.isFolder }
        if archives.isEmpty, folders.count == 1 { return try folder(folders[0], cancellation) }
        var withDatabase: [FilePath] = []
        for archive in archives where try holdsDatabase(archive, cancellation) {
            withDatabase.append(archive)
        }
        if withDatabase.count == 1 { return try RecognisedSource(withDatabase[0], cancellation) }
        if archives.isEmpty, folders.isEmpty {
            throw Failure(.usage, "\(path) holds nothing to import", remedy: "ls \(path)")
        }
        let choice = (withDatabase.isEmpty ? archives + folders : withDatabase).compactMap {
            $0.lastComponent?.string
        }
        throw Failure(
            .usage, "it is not clear what of \(path) is to be imported",
            cause: "there are \(choice.joined(separator: ", "))",
            remedy: "ls -la \(path)")
    }

    private static func databases(in entries: [FilePath]) throws -> [FilePath] {
        try entries.filter {
            guard try FileStatus.of($0)?.kind == .file else { return false }
            return try DatabaseEngine(of: $0) != nil
        }
    }

    private static func archivesIn(_ entries: [FilePath]) throws -> [FilePath] {
        try entries.filter {
            guard try FileStatus.of($0)?.kind == .file else { return false }
            return try ForeignFile.sniff($0).isArchive
        }
    }

    private static func holdsDatabase(_ file: FilePath, _ cancellation: Cancellation) throws -> Bool {
        guard try ForeignFile.sniff(file).isArchive else { return true }
        var found = false
        try listArchive(file, .contents, cancellation: cancellation) { entry in
            let name = String(
                decoding: entry.path.split(separator: UInt8(ascii: "/")).last ?? [], as: UTF8.self)
            if [".db", ".sqlite", ".sqlite3"].contains(where: { name.hasSuffix($0) }) { found = true }
        }
        return found
    }
}
