// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// Opens a file for reading: never through a link, never waiting for a FIFO's other end, and without changing its
/// access time where that is allowed.
///
/// - Returns: Nil when the file is gone, or cannot be opened by that name (a link, a socket).
func openQuietly(_ entry: WalkedName, path: @autoclosure () -> FilePath) throws -> CInt? {
    let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
    var file = openat(entry.folder, entry.name, flags | clinux_o_noatime)
    // Only its owner and root may leave the access time alone.
    if file < 0, errno == EPERM { file = openat(entry.folder, entry.name, flags) }
    if file >= 0 { return file }
    switch errno {
    case ENOENT, ELOOP, ENXIO: return nil
    default: throw FileError.last("open", path())
    }
}

/// - Returns: Nil when it is no link any more.
func linkTarget(_ entry: WalkedName, path: @autoclosure () -> FilePath) throws -> [UInt8]? {
    try withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { room in
        guard let start = room.baseAddress else { return nil }
        let count = readlinkat(entry.folder, entry.name, start, room.count)
        guard count >= 0 else {
            if errno == ENOENT || errno == EINVAL { return nil }
            throw FileError.last("read the link", path())
        }
        return room[..<count].map { UInt8(bitPattern: $0) }
    }
}
