// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsBackups
import KecsSystem
import SystemPackage

/// `latest` next to the backups: a link to the newest one that may be restored from, for scripts that know nothing of
/// kecsctl. Once it exists, every command that changes the backups updates it; it never leads to a damaged one.
struct LatestLink {
    static let name = "latest"
    private static let draft = ".latest.draft"

    let store: BackupStore

    /// Updates the link.
    ///
    /// - Parameter isWanted: True to create it when it does not exist.
    /// - Throws: `Failure(.usage)` when something else has the name.
    func update(isWanted: Bool = false) throws {
        let place = store.folder.appending(Self.name)
        let status = try FileStatus.of(place)
        guard isWanted || status != nil else { return }
        var now: String?
        if let status {
            let target =
                status.kind == .symlink ? String(decoding: try place.linkTarget(), as: UTF8.self) : ""
            guard BackupID(target) != nil else {
                // The name belongs to another program's file, as long as the user does not ask for our link.
                guard isWanted else { return }
                throw Failure(
                    .usage,
                    "\(place) is not made by kecsctl, so it is not replaced by a link to the newest backup",
                    remedy: "ls -l \(ShellWords.quote([place.string]))")
            }
            now = target
        }
        let newest = try store.judged().latest(of: nil)?.id.description
        guard newest != now else { return }
        let folder = store.folder.withPlatformString { paths_open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        guard folder >= 0 else { throw FileError.last("open", store.folder) }
        defer { close(folder) }
        if let newest {
            // A leftover of a killed run.
            guard unlinkat(folder, Self.draft, 0) == 0 || errno == ENOENT else {
                throw FileError.last("remove", store.folder.appending(Self.draft))
            }
            guard symlinkat(newest, folder, Self.draft) == 0,
                renameat(folder, Self.draft, folder, Self.name) == 0
            else { throw FileError.last("make the link", place) }
        } else {
            guard unlinkat(folder, Self.name, 0) == 0 || errno == ENOENT else {
                throw FileError.last("remove", place)
            }
        }
        guard fsync(folder) == 0 else { throw FileError.last("sync", store.folder) }
    }
}
