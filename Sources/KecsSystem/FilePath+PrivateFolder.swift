// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import SystemPackage

extension FilePath {
    /// The prefix of the names of folders that a command works in and removes.
    public static let privateFolderPrefix = ".kecsctl-"

    /// Makes a folder in this one under an unpredictable name, which only this user can enter.
    ///
    /// - Parameter prefix: The beginning of the name, which identifies the leftovers of a killed run.
    /// - Throws: `FileError`; EEXIST when the folder found afterwards is not the one that was made.
    public func makePrivateFolder(prefix: String = privateFolderPrefix) throws -> FilePath {
        var generator = SystemRandomNumberGenerator()
        let folder = appending(prefix + String(generator.next() as UInt64, radix: 36))
        try folder.makeFolder()
        return folder
    }

    /// Makes the folder itself, which only this user can enter.
    ///
    /// - Throws: `FileError`; EEXIST when something exists already.
    public func makeFolder() throws {
        guard withPlatformString({ paths_mkdir($0, 0o700) }) == 0 else {
            throw FileError.last("create the folder", self)
        }
        try checkIsOurs()
    }

    /// Checks the same for a file that is believed: a journal, a record of repairs.
    public func checkIsOurFile() throws {
        guard let status = try FileStatus.of(self) else { return }
        guard status.kind == .file else {
            throw FileError("believe, as it is no file:", self, .invalidArgument)
        }
        guard paths_is_trusted(status.owner) != 0, status.mode & 0o022 == 0 else {
            throw FileError("believe, as user \(status.owner) may have written it:", self, .permissionDenied)
        }
    }

    /// Returns an unpredictable name next to this one, for a draft that gets this name when it is complete.
    public func draftBeside() -> FilePath {
        var generator = SystemRandomNumberGenerator()
        let random = String(generator.next() as UInt64, radix: 36)
        let name = Array(".".utf8) + (lastComponent?.bytes.prefix(200) ?? []) + Array(".\(random).draft".utf8)
        return removingLastComponent().appending(bytes: name)
    }

    /// - Throws: `FileError` unless it is a folder that belongs to a trusted user: this user, root or the home's owner.
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
