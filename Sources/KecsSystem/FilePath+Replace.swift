// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import SystemPackage

extension FilePath {
    /// Replaces the file's contents so that a reader sees the old ones or the new ones, also after a crash: draft next
    /// to it, fsync, rename, fsync of the folder.
    ///
    /// - Parameter mode: The new file's mode, regardless of the umask.
    /// - Throws: `FileError`; the old file is then unchanged and the draft is gone.
    public func replaceContents(_ bytes: [UInt8], mode: CModeT = 0o600) throws {
        let folder = removingLastComponent()
        let draft = draftBeside()
        do {
            let file = draft.withPlatformString {
                paths_open($0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
            }
            guard file >= 0 else { throw FileError.last("create", draft) }
            do {
                defer { close(file) }
                guard fchmod(file, mode) == 0 else { throw FileError.last("set the mode of", draft) }
                try bytes.withUnsafeBytes { try writeFully($0, to: file, of: draft) }
                guard fsync(file) == 0 else { throw FileError.last("sync", draft) }
            }
            try draft.rename(to: self)
        } catch {
            _ = draft.withPlatformString { paths_unlink($0) }
            throw error
        }
        try folder.sync()
    }

    /// Makes everything that was created, renamed or removed in this folder, or written to this file, survive a power
    /// cut.
    public func sync() throws {
        let file = withPlatformString { paths_open($0, O_RDONLY | O_CLOEXEC, 0) }
        guard file >= 0 else { throw FileError.last("open", self) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw FileError.last("sync", self) }
    }

    /// rename(2): replaces the file at `target`.
    public func rename(to target: FilePath) throws {
        let code = withPlatformString { from in
            target.withPlatformString { to in paths_rename(from, to) }
        }
        guard code == 0 else { throw FileError.last("rename to \(target)", self) }
    }
}
