// SPDX-License-Identifier: Apache-2.0
import CLinux
public import KecsBackups
import KecsSystem
public import SystemPackage

/// `$KECS_HOME`: everything that kecsctl keeps. The only place that knows the names in it; `docs/formats.md` mirrors
/// it.
public struct Home: Hashable, Sendable {
    /// The absolute path.
    public let path: FilePath
    /// The source of the path: "--home" or "KECS_HOME". Nil for the default home, which need not exist yet.
    public let namedBy: String?

    public init(_ path: FilePath, namedBy: String? = nil) {
        self.path = path
        self.namedBy = namedBy
    }

    /// Returns `--home`, else `$KECS_HOME`, else `~/.kecs`, made absolute against the working directory.
    ///
    /// Its owner is then trusted like this user and root: running as root with another user's home means to trust that
    /// user.
    public static func find(flag: String?, environment: [String: String]) throws(Failure) -> Home {
        let home = try place(flag: flag, environment: environment)
        do {
            if let owner = try FileStatus.following(home.path)?.owner { paths_trust(owner) }
        } catch {
            throw Failure.describing(error, doing: "open the home “\(home.path)”")
        }
        return home
    }

    private static func place(flag: String?, environment: [String: String]) throws(Failure) -> Home {
        let given = flag ?? environment["KECS_HOME"].flatMap { $0.isEmpty ? nil : $0 }
        if let given {
            return Home(
                try absolute(FilePath(given), environment: environment),
                namedBy: flag == nil ? "KECS_HOME" : "--home")
        }
        guard let user = environment["HOME"], user.hasPrefix("/") else {
            throw Failure(
                .usage, "there is no home folder to keep instances in",
                cause: "neither --home nor KECS_HOME is given, and HOME is not set",
                remedy: "kecsctl list --home /var/lib/kecs")
        }
        return Home(FilePath(user).appending(".kecs"))
    }

    /// Returns the absolute path. A relative one is below the folder in which the command was given.
    public static func absolute(_ path: FilePath, environment: [String: String]) throws(Failure) -> FilePath {
        if path.isAbsolute { return path.lexicallyNormalized() }
        guard let here = WorkingFolder.current else {
            throw Failure(
                .usage, "“\(path)” is a relative path, and the working directory no longer exists",
                remedy: "cd /")
        }
        return here.appending(path.components).lexicallyNormalized()
    }

    /// Checks that the home can be used. A default home that does not exist yet holds nothing. A named one that does
    /// not exist is a typo or a missing mount, and must not be reported as empty.
    ///
    /// - Throws: `Failure(.usage)` when it was named and does not exist, or is no folder; `FileError` when that cannot
    ///   be determined.
    public func check() throws {
        let status: FileStatus?
        do {
            status = try FileStatus.following(path)
        } catch let error as FileError where error.errno == .notDirectory {
            throw Failure(
                .usage, "“\(path)” is no folder", cause: "something above it is a file",
                remedy: "ls -la \(quoted)")
        }
        if let status {
            guard status.kind != .folder else { return }
            throw Failure(.usage, "“\(path)” is no folder", remedy: "ls -la \(quoted)")
        }
        guard let namedBy else { return }
        throw Failure(
            .usage, "the home “\(path)” does not exist", cause: "it was named by \(namedBy)",
            remedy: "ls -la \(ShellWords.quote([path.removingLastComponent().string]))")
    }

    private var quoted: String { ShellWords.quote([path.string]) }

    /// Settings for all instances.
    public var settings: FilePath { path.appending("kecsctl.json") }
    /// The history, a line for each finished operation.
    public var history: FilePath { path.appending("history.jsonl") }
    /// The lock that is held for a moment while an instance is created.
    public var lock: FilePath { path.appending("lock") }
    public var instances: FilePath { path.appending("instances") }
    public var backups: FilePath { path.appending("backups") }

    public func folder(of name: InstanceName) -> InstanceFolder {
        InstanceFolder(path: Self.followed(instances.appending(name.description)))
    }

    public func backupStore(of name: InstanceName) -> BackupStore {
        BackupStore(folder: Self.followed(backups.appending(name.description)))
    }

    /// Returns the path with its own link followed. An instance, or its backups, may lie on another disk, behind a link
    /// of the home's owner. Links are followed here and nowhere else, so that every verb sees the same folder. A link
    /// that must not be followed stays a link, and is refused as no folder.
    private static func followed(_ path: FilePath) -> FilePath {
        guard (try? FileStatus.of(path))?.kind == .symlink else { return path }
        return (try? path.realPath()) ?? path
    }
}
