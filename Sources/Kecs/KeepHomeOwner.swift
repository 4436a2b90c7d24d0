// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import KecsSystem
import SystemPackage

/// Gives a home's owner what root made there: after `sudo kecsctl restore` the user's own commands go on working.
///
/// What an instance's server writes, and the trees that a restore keeps or unpacks, have owners of their own and are
/// left alone. So is what lies behind a link or on another file system, and a file with a second name. What is looked at
/// is what is given away, by its descriptor: the home's owner may exchange folders meanwhile.
public struct KeepHomeOwner: Sendable {
    private let home: Home

    public init(home: Home) { self.home = home }

    /// Does nothing for another user than root, and in root's own home.
    ///
    /// - Returns: The errors for what could not be given away.
    public func run() -> [FileError] {
        guard Machine.userID == 0 else { return [] }
        var run = Run()
        let folder = home.path.resolved().withPlatformString {
            paths_open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        }
        var facts = stat()
        guard folder >= 0, fstat(folder, &facts) == 0 else {
            run.note(.last("open", home.path))
            if folder >= 0 { close(folder) }
            return run.errors
        }
        guard facts.st_uid != 0 else {
            close(folder)
            return []
        }
        run.home = facts
        run.visit(folder, home.path, [])
        return run.errors
    }

    private struct Run {
        /// O_PATH of open(2), which Glibc's module lacks (asm-generic/fcntl.h).
        private static let pathOnly: CInt = 0o10_000_000

        var home = stat()
        var errors: [FileError] = []

        /// - Parameters:
        ///   - folder: Closed at the end.
        ///   - names: The path below the home.
        mutating func visit(_ folder: CInt, _ path: FilePath, _ names: [FilePath.Component]) {
            guard let stream = fdopendir(folder) else {
                note(.last("list", path))
                close(folder)
                return
            }
            defer { closedir(stream) }
            while let entry = readdir(stream) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { FilePath(platformString: $0) }
                }
                guard let name = name.lastComponent, name.kind == .regular else { continue }
                give(name, in: folder, path.appending(name), names + [name])
            }
        }

        private mutating func give(
            _ name: FilePath.Component, in folder: CInt, _ path: FilePath, _ names: [FilePath.Component]
        ) {
            guard Self.isOurs(names) else { return }
            let file = name.withPlatformString { openat(folder, $0, Self.pathOnly | O_NOFOLLOW | O_CLOEXEC) }
            guard file >= 0 else { return note(.last("open", path)) }
            defer { close(file) }
            var facts = stat()
            guard fstat(file, &facts) == 0 else { return note(.last("look at", path)) }
            guard facts.st_dev == home.st_dev else { return }
            let isFolder = facts.st_mode & S_IFMT == S_IFDIR
            if facts.st_uid == 0, isFolder || facts.st_nlink == 1,
                paths_chown_descriptor(file, home.st_uid, home.st_gid) != 0
            {
                note(.last("set the owner of", path))
            }
            guard isFolder else { return }
            let inside = openat(file, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard inside >= 0 else { return note(.last("open", path)) }
            visit(inside, path, names)
        }

        /// Returns false for what an instance's server writes, and for what lies in the trees of restores.
        private static func isOurs(_ names: [FilePath.Component]) -> Bool {
            guard names.count > 2, names[0].string == "instances" else { return true }
            switch names[2].string {
            case InstanceFolder.dataName, InstanceFolder.objectStoreName: return false
            case ".previous", ".restoring":
                return names.count < 5 || names.count == 5 && names[4].string == Swap.recordName
            default: return true
            }
        }

        /// What another command has removed meanwhile needs no owner.
        mutating func note(_ error: FileError) {
            if error.errno != .noSuchFileOrDirectory { errors.append(error) }
        }
    }
}
