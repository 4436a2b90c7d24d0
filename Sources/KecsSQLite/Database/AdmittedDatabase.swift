// SPDX-License-Identifier: Apache-2.0
import CLinux
import CSQLite
import CSQLiteFiles
import Glibc
import KecsSystem
import SystemPackage

/// A database file that SQLite may open. The folder that holds it is open, and the file and its sidecars are reached in
/// it by name, never through a link. SQLite in this process opens no other file, regardless of a journal or an ATTACH.
final class AdmittedDatabase {
    /// The name for SQLite.
    let name: String
    private let number: Int32

    /// - Throws: `SQLiteError` (`cannotOpen`) for anything but a regular file that exists or can be created.
    init(_ path: FilePath, creating: Bool) throws {
        func refuse(_ why: String) -> SQLiteError {
            SQLiteError(
                extendedCode: SQLITE_CANTOPEN, message: "unable to open database file: \(why)", path: path)
        }
        guard !path.isEmpty else { throw refuse("the path is empty") }
        var facts = Glibc.stat()
        guard let place = Self.place(of: path) else { throw refuse("\(Errno(rawValue: errno))") }
        if place.withPlatformString({ paths_lstat($0, &facts) }) == 0 {
            guard facts.st_mode & S_IFMT == S_IFREG else { throw refuse("it is not a regular file") }
        } else {
            let reason = Errno(rawValue: errno)
            guard creating, reason == .noSuchFileOrDirectory else { throw refuse("\(reason)") }
            // SQLite would create one that other users can read.
            let file = path.withPlatformString {
                paths_open($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            }
            guard file >= 0 else { throw refuse("\(Errno(rawValue: errno))") }
            close(file)
        }
        let above = place.removingLastComponent()
        let folder = (above.isEmpty ? FilePath(".") : above).withPlatformString { paths_folder($0) }
        guard folder >= 0, let last = place.lastComponent else { throw refuse("\(Errno(rawValue: errno))") }
        var text = [CChar](repeating: 0, count: Int(SQLITEFILES_NAME))
        number = last.withPlatformString { sqlitefiles_admit(folder, $0, &text) }
        guard number >= 0 else { throw refuse("\(Errno(rawValue: errno))") }
        name = text.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    }

    /// Returns the place of the file that `path` names, which is also the place of its sidecars. Links are followed,
    /// but none of another user's.
    static func place(of path: FilePath) -> FilePath? {
        var facts = Glibc.stat()
        guard path.withPlatformString({ paths_lstat($0, &facts) }) == 0, facts.st_mode & S_IFMT == S_IFLNK
        else { return path }
        return try? path.realPath()
    }

    deinit { sqlitefiles_forget(number) }
}
