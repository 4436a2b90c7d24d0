// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsSystem
import SystemPackage

extension Part {
    /// Names of ours inside a data folder that is a mount point of its own.
    static let ours = [".kecsctl-restoring", ".kecsctl-previous"].map { Array($0.utf8) }
    /// Lock files of the control plane: they mean nothing in a backup and block a start after a restore.
    static let lockFiles = [Array(".lock".utf8)]

    func source() throws -> TreeSource {
        switch place {
        case .folder(let folder):
            var source = TreeSource(root: folder)
            source.leftOut = Set(Self.ours + Self.lockFiles)
            source.findsDatabases = name != Part.objectStore
            return source
        case .entries(let folder, let named):
            var source = TreeSource(root: folder)
            let names = Set(named.map { Array($0.utf8) })
            source.leftOut = Set(try folder.entries().map(\.bytes).filter { !names.contains($0) })
            return source
        case .volume(_, let folder?):
            var source = TreeSource(root: folder)
            source.leftOut = Set(Self.ours + Self.lockFiles)
            return source
        case .volume(let volume, nil):
            throw Failure(
                .failed, "the volume “\(volume)” cannot be read in place",
                cause: "its mount point is not open to this user", remedy: "sudo kecsctl status --deep")
        }
    }
}
