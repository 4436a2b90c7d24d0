// SPDX-License-Identifier: Apache-2.0
import CLinux
public import KecsStorage
import KecsSystem
public import SystemPackage

/// `$KECS_HOME`: everything that kecsctl keeps. The only place that knows the names in it; `docs/formats.md` mirrors it.
public struct Home: Hashable, Sendable {
    /// Absolute.
    public let path: FilePath
    /// What named it: "--home" or "KECS_HOME". Nil for the default one, which need not be there yet.
    public let namedBy: String?

    public init(_ path: FilePath, namedBy: String? = nil) {
        self.path = path
        self.namedBy = namedBy
    }

    /// `--home`, else `$KECS_HOME`, else `~/.kecs`; made absolute against the working directory.
    ///
    /// Its owner is trusted from then on as this user and root are: who gives root the home of somebody else trusts them.
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

    /// A relative path means one below the folder in which the command was given.
    public static func absolute(_ path: FilePath, environment: [String: String]) throws(Failure) -> FilePath {
        if path.isAbsolute { return path.lexicallyNormalized() }
        guard let here = WorkingFolder.current else {
            throw Failure(
                .usage, "“\(path)” is a relative path, and the working directory no longer exists",
                remedy: "cd /")
        }
        return here.appending(path.components).lexicallyNormalized()
    }

    /// That the home can be used: a default one that is not there yet holds nothing; one that was named and is not there
    /// is a typo or a missing mount, and must not be told as empty.
    ///
    /// - Throws: `Failure(.usage)` when it was named and does not exist, or is no folder; `FileError` when that cannot be
    ///   determined.
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
    /// One line for each finished operation.
    public var history: FilePath { path.appending("history.jsonl") }
    /// Held for a moment while an instance is created.
    public var lock: FilePath { path.appending("lock") }
    public var instances: FilePath { path.appending("instances") }
    public var backups: FilePath { path.appending("backups") }

    public func folder(of name: InstanceName) -> InstanceFolder {
        InstanceFolder(path: Self.followed(instances.appending(name.description)))
    }

    public func backupStore(of name: InstanceName) -> BackupStore {
        BackupStore(folder: Self.followed(backups.appending(name.description)))
    }

    /// An instance, or its backups, may lie on another disk, behind a link of the home's owner. It is followed here and
    /// nowhere else, so that every verb sees the same folder. One that must not be followed stays what it is, a link, and
    /// is refused as no folder.
    private static func followed(_ path: FilePath) -> FilePath {
        guard (try? FileStatus.of(path))?.kind == .symlink else { return path }
        return (try? path.realPath()) ?? path
    }
}
