// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// A data folder, opened once. For any path below it, nothing outside the folder is reached, no link is followed, and a
/// FIFO is not waited for: the server that writes in it may belong to any user.
final class StoreFolder: Sendable {
    let path: FilePath
    private let descriptor: CInt

    /// - Throws: `FileError`.
    init(_ path: FilePath) throws {
        self.path = path
        let descriptor = path.withPlatformString { paths_open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        guard descriptor >= 0 else { throw FileError.last("open", path) }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Opens a regular file for reading; the caller closes it.
    ///
    /// - Returns: Nil when there is nothing under that name.
    /// - Throws: `ObjectProblem` when it is not a regular file; `FileError`.
    func openFile(_ name: String) throws -> (file: CInt, status: FileStatus)? {
        guard let file = try beneath(name, O_RDONLY | O_NONBLOCK | O_NOCTTY) else { return nil }
        do {
            let status = try FileStatus.of(descriptor: file, at: path.appending(name))
            guard status.kind == .file else { throw ObjectProblem(.damaged, name, "it is no regular file") }
            return (file, status)
        } catch {
            close(file)
            throw error
        }
    }

    /// Returns the status of a path, of a link itself; nil when there is nothing under that name.
    func status(_ name: String) throws -> FileStatus? {
        guard let file = try beneath(name, clinux_o_path) else { return nil }
        defer { close(file) }
        return try FileStatus.of(descriptor: file, at: path.appending(name))
    }

    /// Returns the names in a folder, sorted by bytes; nil when there is no such folder. Names that are not UTF-8 are
    /// left out: neither Velero nor kecsctl could ask for one.
    func names(_ name: String) throws -> [String]? {
        let file = try beneath(name.isEmpty ? "." : name, O_RDONLY | O_DIRECTORY)
        guard let file else { return nil }
        guard let folder = fdopendir(file) else {
            close(file)
            throw FileError.last("list", path.appending(name))
        }
        defer { closedir(folder) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(folder) else {
                if errno != 0 { throw FileError.last("list", path.appending(name)) }
                break
            }
            let text = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
            }
            if let text, text != ".", text != ".." { names.append(text) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private func beneath(_ name: String, _ flags: CInt) throws -> CInt? {
        let flags = flags | O_NOFOLLOW | O_CLOEXEC
        var file = name.withCString {
            clinux_openat2(
                descriptor, $0, UInt64(UInt32(bitPattern: flags)), 0,
                clinux_resolve_beneath | clinux_resolve_no_magiclinks | clinux_resolve_no_symlinks)
        }
        // Kernels before 5.6 do not have this call, and old container runtimes forbid it.
        if file < 0, errno == ENOSYS || errno == EPERM { file = try openStepByStep(name, flags) }
        guard file < 0 else { return file }
        switch errno {
        case ENOENT: return nil
        case ENOTDIR, ELOOP, EXDEV, ENXIO, ENAMETOOLONG:
            let why =
                errno == ELOOP
                ? "it or a folder above it is a symbolic link, and links are not followed"
                : "its path is not what was expected (\(Errno(rawValue: errno)))"
            throw ObjectProblem(.damaged, name, why)
        default: throw FileError.last("open", path.appending(name))
        }
    }

    private func openStepByStep(_ name: String, _ flags: CInt) throws -> CInt {
        let steps = name.split(separator: "/").map(String.init)
        guard !steps.contains("..") else { throw ObjectProblem(.damaged, name, "its name leads outside") }
        var here = dup(descriptor)
        guard here >= 0 else { throw FileError.last("open", path) }
        for (index, step) in steps.enumerated() {
            let isLast = index == steps.count - 1
            let next = openat(
                here, step, isLast ? flags : clinux_o_path | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            let error = errno
            close(here)
            errno = error
            if next < 0 { return -1 }
            here = next
        }
        return here
    }
}
