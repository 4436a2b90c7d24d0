// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import SystemPackage

extension FilePath {
    /// Removes the file, the link or the folder with everything in it. A path where nothing is counts as removed.
    ///
    /// No link is ever followed, not even one that replaces a folder meanwhile: each folder is opened below its
    /// parent's descriptor. Any depth needs only three descriptors. A folder without permissions gets them, for its
    /// owner.
    ///
    /// - Parameters:
    ///   - crossingMounts: True to go into other file systems and bind mounts. Otherwise they are an error, and they
    ///     stay.
    ///   - cancellation: Ends the removal: a tree of 100,000 files takes seconds.
    /// - Throws: `FileError` with the path of the first thing that could not be removed; `Interrupted`. Everything
    ///   removed before it stays removed.
    public func removeTree(crossingMounts: Bool = false, cancellation: Cancellation? = nil) throws {
        _ = try remove(crossingMounts: crossingMounts, goesOn: false, cancellation)
    }

    /// Removes a scratch folder of this process. What cannot be removed is no reason to fail: it is nobody's data, it lies
    /// where the next command removes such things or in the folder for temporary files, and often another error is on its
    /// way to the user.
    public func discardQuietly() { try? removeTree() }

    /// Removes everything that can be removed: unlike `removeTree`, it continues after a failure.
    ///
    /// - Returns: The first thing that could not be removed; nil when nothing is left.
    /// - Throws: `FileError` when it cannot continue; `Interrupted`.
    public func removeWhatCanBe(_ cancellation: Cancellation? = nil) throws -> FileError? {
        try remove(crossingMounts: false, goesOn: true, cancellation)
    }

    private func remove(
        crossingMounts: Bool, goesOn: Bool, _ cancellation: Cancellation?
    ) throws -> FileError? {
        guard let name = lastComponent, name.kind == .regular else {
            throw FileError("remove", self, .invalidArgument)
        }
        let above = removingLastComponent()
        let parent = (above.isEmpty ? "." : above).withPlatformString {
            paths_folder($0)
        }
        guard parent >= 0 else {
            if errno == ENOENT { return nil }
            throw FileError.last("open", above)
        }
        var removal = TreeRemoval(
            above: above, parent: parent, crossingMounts: crossingMounts, goesOn: goesOn,
            cancellation: cancellation)
        defer { removal.close() }
        try removal.run(
            name.withPlatformString { Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1)) })
        return removal.stuck
    }
}

struct TreeRemoval {
    /// A name as the kernel has it, with its NUL: a `FilePath` for each of a million names costs more than removing
    /// them.
    typealias Name = [CChar]

    private struct Level {
        let name: Name
        let device: dev_t
        let inode: ino_t
        var folders: [Name]
        /// The number of times that it was found not to be empty after all.
        var surprises = 0
        /// True when something in it could not be removed.
        var isStuck = false
    }

    private let above: FilePath
    private let parent: CInt
    private let crossingMounts: Bool
    private let goesOn: Bool
    private let cancellation: Cancellation?
    /// The first thing that could not be removed.
    private(set) var stuck: FileError?
    private var levels: [Level] = []
    /// The folder of the last level.
    private var current: CInt = -1

    init(
        above: FilePath, parent: CInt, crossingMounts: Bool, goesOn: Bool, cancellation: Cancellation? = nil
    ) {
        self.above = above
        self.parent = parent
        self.crossingMounts = crossingMounts
        self.goesOn = goesOn
        self.cancellation = cancellation
    }

    mutating func close() {
        if current >= 0 { Glibc.close(current) }
        Glibc.close(parent)
    }

    mutating func run(_ name: Name) throws {
        do {
            guard try !removeFile(name, in: parent) else { return }
        } catch let error as FileError {
            return try leave(error)
        }
        try descend(into: name)
        while !levels.isEmpty {
            if let folder = levels[levels.count - 1].folders.popLast() {
                try descend(into: folder)
            } else {
                try ascend()
            }
        }
    }

    /// Opens the folder and removes everything in it that is no folder.
    mutating func descend(into name: Name) throws {
        let folder: CInt
        do {
            folder = try open(name, in: current >= 0 ? current : parent)
        } catch let error as FileError {
            return try leave(error)
        }
        guard folder >= 0 else { return }
        if current >= 0 { Glibc.close(current) }
        current = folder
        var facts = Glibc.stat()
        guard fstat(folder, &facts) == 0 else { throw failure("look at", name) }
        levels.append(Level(name: name, device: facts.st_dev, inode: facts.st_ino, folders: []))
        let folders = try removeFiles()
        levels[levels.count - 1].folders = folders
    }

    /// Removes the last level's folder, which is empty now.
    mutating func ascend() throws {
        guard let level = levels.popLast() else { return }
        var upper: CInt = -1
        if let expected = levels.last {
            upper = openat(current, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard upper >= 0 else { throw failure("go back up from", level.name) }
            var facts = Glibc.stat()
            guard fstat(upper, &facts) == 0, facts.st_dev == expected.device, facts.st_ino == expected.inode
            else {
                Glibc.close(upper)
                // Another process moved the folder: `..` is not where we came from, and nothing of ours.
                errno = ESTALE
                throw failure("go back up from", level.name)
            }
        }
        if unlink(level.name, in: upper >= 0 ? upper : parent, flags: AT_REMOVEDIR) || errno == ENOENT {
            Glibc.close(current)
            current = upper
            return
        }
        let error = failure("remove", level.name)
        if goesOn, level.isStuck || ![.directoryNotEmpty, .fileExists].contains(error.errno) {
            try leave(error)
            Glibc.close(current)
            current = upper
            return
        }
        if upper >= 0 { Glibc.close(upper) }
        // A file was added, or the file system left names out of a listing that changed under it.
        guard error.errno == .directoryNotEmpty || error.errno == .fileExists, level.surprises < 3 else {
            throw error
        }
        levels.append(level)
        levels[levels.count - 1].surprises += 1
        let folders = try removeFiles()
        levels[levels.count - 1].folders = folders
    }

    /// Continues without a path that cannot be removed, where that was requested.
    private mutating func leave(_ error: FileError) throws {
        guard goesOn else { throw error }
        stuck = stuck ?? error
        if !levels.isEmpty { levels[levels.count - 1].isStuck = true }
    }

    /// - Returns: The remaining folders.
    private mutating func removeFiles() throws -> [Name] {
        // fdopendir(3) takes the descriptor over, so it gets one with a position of its own.
        let copy = openat(current, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0 else { throw failure("list") }
        guard let listing = fdopendir(copy) else {
            let error = failure("list")
            Glibc.close(copy)
            throw error
        }
        defer { closedir(listing) }
        var folders: [Name] = []
        while true {
            try cancellation?.check()
            errno = 0
            guard let entry = readdir(listing) else {
                if errno != 0 { throw failure("list") }
                return folders
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                Name(bytes.prefix { $0 != 0 }.map(CChar.init(bitPattern:))) + [0]
            }
            if name == [0x2E, 0] || name == [0x2E, 0x2E, 0] { continue }
            if Int32(entry.pointee.d_type) == DT_DIR {
                folders.append(name)
                continue
            }
            do {
                if try !removeFile(name, in: current) { folders.append(name) }
            } catch let error as FileError {
                try leave(error)
            }
        }
    }

    /// - Returns: True when it is gone; false for a folder.
    private func removeFile(_ name: Name, in folder: CInt) throws -> Bool {
        if unlink(name, in: folder, flags: 0) || errno == ENOENT { return true }
        if errno == EISDIR { return false }
        throw failure("remove", name)
    }

    private func unlink(_ name: Name, in folder: CInt, flags: CInt) -> Bool {
        if unlinkat(folder, name, flags) == 0 { return true }
        guard errno == EACCES else { return false }
        // The folder's owner may have removed the write permission, as Go does with its module cache.
        guard fchmod(folder, 0o700) == 0 else {
            errno = EACCES
            return false
        }
        return unlinkat(folder, name, flags) == 0
    }

    /// - Returns: -1 when it is gone already.
    private func open(_ name: Name, in folder: CInt) throws -> CInt {
        var file = openOnce(name, in: folder)
        if file < 0, errno == EACCES, permit(name, in: folder) { file = openOnce(name, in: folder) }
        if file < 0, errno != ENOENT { throw failure("open", name) }
        return file
    }

    private func openOnce(_ name: Name, in folder: CInt) -> CInt {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        let file = clinux_openat2(
            folder, name, UInt64(flags), 0, crossingMounts ? 0 : clinux_resolve_no_xdev)
        // Kernels before 5.6 do not have it, and old container runtimes forbid it.
        if file >= 0 || (errno != ENOSYS && errno != EPERM) { return file }
        let plain = openat(folder, name, flags)
        guard plain >= 0, !crossingMounts else { return plain }
        var here = Glibc.stat()
        var there = Glibc.stat()
        if fstat(folder, &here) == 0, fstat(plain, &there) == 0, here.st_dev == there.st_dev { return plain }
        Glibc.close(plain)
        errno = EXDEV
        return -1
    }

    /// Gives the owner all rights to a folder that cannot be opened; through its descriptor, so never to a link's
    /// target.
    private func permit(_ name: Name, in folder: CInt) -> Bool {
        let file = openat(folder, name, clinux_o_path | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { Glibc.close(file) }
        return paths_chmod_descriptor(file, 0o700) == 0
    }

    /// The error that the last system call left in `errno`. The path is put together only here: 3000 levels deep it is
    /// long.
    private func failure(_ operation: String, _ name: Name? = nil) -> FileError {
        let code = Errno(rawValue: errno)
        let names = levels.map(\.name) + (name.map { [$0] } ?? [])
        var path = above
        for name in names {
            name.withUnsafeBufferPointer { buffer in
                if let start = buffer.baseAddress { path.append(FilePath(platformString: start).components) }
            }
        }
        return FileError(operation, path, code)
    }
}
