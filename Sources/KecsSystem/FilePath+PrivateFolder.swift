// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import SystemPackage

extension FilePath {
    /// Makes a folder in this one under a name that nobody can foresee, which only this user can enter.
    ///
    /// - Parameter prefix: How the name begins, so that what a killed run left can be told.
    /// - Throws: `FileError`; EEXIST when what is there afterwards is not what was made.
    public func makePrivateFolder(prefix: String = ".kecsctl-") throws -> FilePath {
        var generator = SystemRandomNumberGenerator()
        let folder = appending(prefix + String(generator.next() as UInt64, radix: 36))
        guard folder.withPlatformString({ paths_mkdir($0, 0o700) }) == 0 else {
            throw FileError.last("create the folder", folder)
        }
        try folder.checkIsOurs()
        return folder
    }

    /// - Throws: `FileError` unless it is a folder, and one that belongs to somebody trusted: this user, root or the home's
    ///   owner.
    public func checkIsOurs() throws {
        guard let status = try FileStatus.of(self) else {
            throw FileError("use", self, .noSuchFileOrDirectory)
        }
        guard status.kind == .folder else { throw FileError("use, as it is no folder:", self, .notDirectory) }
        guard paths_is_trusted(status.owner) != 0 else {
            throw FileError("use, as user \(status.owner) owns it:", self, .permissionDenied)
        }
    }
}
