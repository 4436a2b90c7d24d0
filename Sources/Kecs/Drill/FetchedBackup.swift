// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
public import SystemPackage

/// `REMOTE/ID` or `REMOTE/INSTANCE/ID`, as `restore --from` takes it.
public struct RemoteSource: Hashable, Sendable {
    public let remote: Remote
    /// Nil: the instance that is restored.
    public let instance: InstanceName?
    public let wanted: String

    /// Nil for what names a file or a backup here. A file of the name goes first: it was always meant by it.
    public init?(_ text: String, site: Site) throws {
        let words = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard (2...3).contains(words.count), let wanted = words.last, InstanceName(words[0]) != nil,
            wanted == "latest" || wanted.first?.isNumber == true, !wanted.contains(".")
        else { return nil }
        let file = try Home.absolute(FilePath(text), environment: site.machine.environment)
        if try file.isPresent { return nil }
        let remotes = Remotes(site: site)
        let isCertain = wanted == "latest" || BackupID(wanted) != nil
        guard try isCertain || remotes.all().contains(where: { $0.name == words[0] }) else { return nil }
        instance = words.count == 3 ? try InstanceName(checking: words[1]) : nil
        remote = try remotes.find(words[0])
        self.wanted = wanted
    }
}

/// A backup that was brought here from a remote, for as long as it is needed.
public struct FetchedBackup: Sendable {
    /// A folder like those in `backups/dev`.
    public let folder: FilePath
    private let place: Place

    private enum Place: Sendable {
        /// In the home, where a restore has to have its room anyway; with a record for the case that this is killed.
        case home(DrillFolder)
        /// A dry run leaves every byte of the home as it is.
        case scratch(FilePath)

        var path: FilePath {
            switch self {
            case .home(let folder): folder.path
            case .scratch(let path): path
            }
        }

        func close() async throws {
            switch self {
            case .home(let folder): try await folder.close()
            case .scratch(let path): try path.removeTree()
            }
        }
    }

    /// - Parameter verifies: False for a reader that finds by itself what is damaged in it.
    public init(
        _ source: RemoteSource, for name: InstanceName, site: Site, command: String, dryRun: Bool = false,
        verifies: Bool = true
    ) async throws {
        let remote = source.remote
        let found = try await ListRemoteBackups(site: site).find(
            source.wanted, of: source.instance ?? name, on: remote)
        if dryRun {
            place = .scratch(try site.scratch(for: ByteCount(found.bytes)))
        } else {
            try site.home.path.createFolder()
            let room = try site.machine.freeSpace(site.home.path)
            guard ByteCount(found.bytes) + ByteCount(64 << 20) <= room else {
                throw Failure(
                    .noRoom, "not enough free space to fetch the backup “\(found.id)”",
                    cause:
                        "\(room) are free in \(site.home.path) and about \(ByteCount(found.bytes)) are needed",
                    remedy: "kecsctl backups prune \(name) --keep 1")
            }
            place = .home(try await DrillFolder(site, for: name, in: site.home.path, command: command))
        }
        folder = place.path.appending(found.id.description)
        do {
            site.machine.progress.step("fetching \(found.id) from \(remote.name)", total: nil)
            try await Rclone(machine: site.machine, remote: remote).download(found.path, to: folder)
            // What notes a stranger left there says nothing here.
            let mark = folder.appending(BackupStore.markName)
            if try mark.isPresent { try mark.remove() }
            guard verifies else { return }
            try VerifyBackup(
                depth: .full, threads: site.threads, cancellation: site.machine.cancellation,
                progress: site.machine.progress
            ).run(found.id, in: BackupStore(folder: place.path))
        } catch {
            let failure = Failure.describing(
                error, doing: "fetch the backup “\(found.id)” from “\(remote.name)”")
            // What cannot be removed now the next command removes.
            try? await place.close()
            throw failure
        }
    }

    public func close() async throws { try await place.close() }
}
