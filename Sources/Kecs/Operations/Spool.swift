// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsBackups
import KecsSystem
import SystemPackage

/// The bytes from standard input, in a file of ours: an archive is read twice, and a zip from its end.
///
/// The file lies in a draft of a backup, under the instance's lock, so that the next run removes the leftovers of a
/// killed restore.
struct Spool: Sendable {
    /// The name in the texts that people read.
    static let name = "standard-input"

    let file: FilePath
    private let folder: FilePath
    private let missing: MissingFolders

    init(site: Site, instance: Instance) throws {
        guard isatty(site.machine.input) == 0 else {
            throw Failure(
                .usage, "nothing is piped into kecsctl",
                cause:
                    "“--from -” reads a backup bundle, an archive, a database or a dump from standard input",
                remedy: "cat backup.tar.zst.* | kecsctl restore \(instance.name) --from -")
        }
        missing = try MissingFolders(upTo: instance.backups.folder)
        folder = try BackupDraft(in: instance.backups, reason: .imported, at: site.machine.clock.now()).folder
        file = folder.appending(Self.name)
        do {
            site.machine.progress.step("reading standard input", total: nil)
            let bytes = try file.spool(site.machine.input) { try site.machine.cancellation.check() }
            guard bytes > 0 else {
                throw Failure(
                    .usage, "nothing came from standard input",
                    cause: "whatever was to write it may have failed")
            }
        } catch {
            remove()
            throw error
        }
    }

    /// Removes the file. The next run sweeps one that cannot be removed now.
    func remove() {
        folder.discardQuietly()
        missing.remove()
    }
}
