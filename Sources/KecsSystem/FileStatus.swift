// SPDX-License-Identifier: Apache-2.0
import CLinux
public import Glibc
public import SystemPackage

/// The facts from `lstat` that backups record and compare.
public struct FileStatus: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case file, folder, symlink, fifo, socket, characterDevice, blockDevice, other
    }
    public var kind: Kind
    /// Permission bits with set-id and sticky: `st_mode & 07777`.
    public var mode: UInt32
    public var owner: UInt32
    public var group: UInt32
    public var size: Int64
    /// The 512-byte blocks allocated: fewer than its size in a sparse file.
    public var blocks: Int64
    public var device: UInt64
    public var inode: UInt64
    public var links: UInt64
    public var modified: Moment
    public var changed: Moment

    public init(_ raw: Glibc.stat) {
        kind =
            switch raw.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFLNK: .symlink
            case S_IFIFO: .fifo
            case S_IFSOCK: .socket
            case S_IFCHR: .characterDevice
            case S_IFBLK: .blockDevice
            default: .other
            }
        mode = raw.st_mode & 0o7777
        owner = raw.st_uid
        group = raw.st_gid
        size = Int64(raw.st_size)
        blocks = Int64(raw.st_blocks)
        device = UInt64(raw.st_dev)
        inode = UInt64(raw.st_ino)
        links = UInt64(raw.st_nlink)
        modified = Moment(
            seconds: Int64(raw.st_mtim.tv_sec), nanoseconds: Int32(raw.st_mtim.tv_nsec))
        changed = Moment(
            seconds: Int64(raw.st_ctim.tv_sec), nanoseconds: Int32(raw.st_ctim.tv_nsec))
    }

    /// Returns the status of the path itself: links are not followed. Nil when there is nothing, which only ENOENT
    /// says. Below a file (ENOTDIR), or in a folder that this user may not search (EACCES), nothing is known.
    public static func of(_ path: FilePath) throws -> FileStatus? {
        var raw = Glibc.stat()
        guard path.withPlatformString({ paths_lstat($0, &raw) }) == 0 else {
            if errno == ENOENT { return nil }
            throw FileError.last("look at", path)
        }
        return FileStatus(raw)
    }

    /// Returns the status of an open file. The path is only put together for an error: `FilePath` is slow with long ones.
    public static func of(descriptor: CInt, at path: @autoclosure () -> FilePath) throws -> FileStatus {
        var raw = Glibc.stat()
        guard fstat(descriptor, &raw) == 0 else { throw FileError.last("look at", path()) }
        return FileStatus(raw)
    }
}

extension FilePath {
    /// Returns the id of the mount that the path is on. A rename does not cross from one mount to another, not even on
    /// one device: docker mounts its own folder onto itself. Nil when there is nothing; the device where the kernel
    /// (before 5.8) does not tell the mount.
    public func mountID() throws -> UInt64? {
        let id = withPlatformString { paths_mount_id($0) }
        if id >= 0 { return UInt64(id) }
        if id == -1 {
            if errno == ENOENT { return nil }
            throw FileError.last("look at", self)
        }
        return try FileStatus.of(self)?.device
    }

    /// Returns the time at which the file or folder was made, by statx(2). Another one in its place has another time,
    /// whatever its name. Nil when there is nothing, or where the file system does not keep the time.
    public func birth() throws -> ExactMoment? {
        var nanoseconds: UInt32 = 0
        let seconds = withPlatformString { paths_birth($0, &nanoseconds) }
        if seconds == -1 {
            if errno == ENOENT { return nil }
            throw FileError.last("look at", self)
        }
        return seconds < 0 ? nil : ExactMoment(Moment(seconds: seconds, nanoseconds: Int32(nanoseconds)))
    }

    /// Returns true when both paths lead to one existing folder, links followed, or are equal when one of them does not
    /// exist.
    public func isSameFolder(as other: FilePath) throws -> Bool {
        guard let mine = try FileStatus.following(self), let theirs = try FileStatus.following(other) else {
            return lexicallyNormalized() == other.lexicallyNormalized()
        }
        return mine.device == theirs.device && mine.inode == theirs.inode
    }
}

extension FileStatus {
    /// Returns the status of the path's target: links are followed. Nil when there is nothing.
    public static func following(_ path: FilePath) throws -> FileStatus? {
        var raw = Glibc.stat()
        guard path.withPlatformString({ paths_stat($0, &raw) }) == 0 else {
            if errno == ENOENT { return nil }
            throw FileError.last("look at", path)
        }
        return FileStatus(raw)
    }
}
