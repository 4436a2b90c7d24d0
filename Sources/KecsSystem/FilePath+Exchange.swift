// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import SystemPackage

extension FilePath {
    /// Swaps two names of one file system in one step: no process ever sees one of them missing.
    ///
    /// - Throws: `FileError`; `invalidArgument` on a file system that cannot swap, `improperLink` across file systems.
    public func exchange(with other: FilePath) throws {
        let code = withPlatformString { left in
            other.withPlatformString { right in paths_exchange(left, right) }
        }
        guard code == 0 else { throw FileError.last("exchange with \(other)", self) }
    }

    /// - Throws: `FileError`; `fileExists` when the target exists, even as an empty folder or a dangling link.
    public func renameWithoutReplacing(to target: FilePath) throws {
        let code = withPlatformString { from in
            target.withPlatformString { to in paths_rename_noreplace(from, to) }
        }
        guard code == 0 else { throw FileError.last("rename to \(target)", self) }
    }

    /// Makes everything that was written to the file system of this path survive a power cut: one call for a tree of
    /// thousands of files, where fsync(2) of each would wait for the disk thousands of times.
    public func syncFileSystem() throws {
        let file = withPlatformString { paths_open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0) }
        guard file >= 0 else { throw FileError.last("open", self) }
        defer { close(file) }
        guard clinux_syncfs(file) == 0 else { throw FileError.last("sync the file system of", self) }
    }
}
