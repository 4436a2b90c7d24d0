// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// Gives restored files and folders their recorded owner, attributes, mode, ACLs and times, in the one order in which
/// none of them undoes another.
struct EntryMetadata {
    let owners: OwnerMapping
    let rootPath: FilePath
    private let ownUser = geteuid()
    private let ownGroup = getegid()
    private(set) var setIDRemoved = 0
    private(set) var ownersNotSet = 0
    private(set) var attributesNotSet = 0

    init(owners: OwnerMapping, rootPath: FilePath) {
        self.owners = owners
        self.rootPath = rootPath
    }

    /// Applies the metadata to an open file or folder.
    mutating func apply(_ entry: ArchiveEntry, to file: CInt) throws {
        let owner = owners.owner(entry.owner)
        let group = owners.group(entry.group)
        var now = stat()
        guard fstat(file, &now) == 0 else { throw failed("look at", entry) }
        // Usually it is right already; a set-group-id folder or a mount option may have changed it.
        if now.st_uid != owner || now.st_gid != group {
            if fchown(file, owner, group) != 0 {
                guard Self.isRefusal(errno) else { throw failed("set the owner of", entry) }
                ownersNotSet += 1
                // The group alone may be one of ours.
                _ = fchown(file, uid_t.max, group)
            }
        }
        for (name, value) in entry.xattrs { try set(name, value, on: file, entry) }
        if entry.mode & 0o6000 != 0 { setIDRemoved += 1 }
        guard fchmod(file, entry.mode & 0o1777) == 0 else { throw failed("set the mode of", entry) }
        if let text = entry.accessACL { try set(acl: text, Attributes.accessName, on: file, entry) }
        if let text = entry.defaultACL { try set(acl: text, Attributes.defaultName, on: file, entry) }
        var times = Self.times(entry.modified)
        guard futimens(file, &times) == 0 else { throw failed("set the time of", entry) }
    }

    /// Applies the metadata to a link itself.
    mutating func apply(_ entry: ArchiveEntry, toLink name: UnsafePointer<CChar>, in folder: CInt) throws {
        let owner = owners.owner(entry.owner)
        let group = owners.group(entry.group)
        if owner != ownUser || group != ownGroup,
            fchownat(folder, name, owner, group, AT_SYMLINK_NOFOLLOW) != 0
        {
            guard Self.isRefusal(errno) else { throw failed("set the owner of", entry) }
            ownersNotSet += 1
            _ = fchownat(folder, name, uid_t.max, group, AT_SYMLINK_NOFOLLOW)
        }
        var times = Self.times(entry.modified)
        guard utimensat(folder, name, &times, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw failed("set the time of", entry)
        }
    }

    private mutating func set(_ name: [UInt8], _ value: [UInt8], on file: CInt, _ entry: ArchiveEntry) throws
    {
        // A capability is a set-user-id bit by another name.
        let isAllowed =
            ["user.", "trusted.", "security."].contains { name.starts(with: $0.utf8) }
            && !name.elementsEqual("security.capability".utf8)
        guard isAllowed else {
            attributesNotSet += 1
            return
        }
        let code = Attributes.withName(name) { clinux_set_xattr(file, $0, value, UInt64(value.count)) }
        if code == 0 { return }
        guard Self.isRefusal(errno) || errno == ERANGE || errno == E2BIG else {
            throw failed("set an attribute of", entry)
        }
        attributesNotSet += 1
    }

    private mutating func set(acl text: [UInt8], _ name: String, on file: CInt, _ entry: ArchiveEntry) throws
    {
        guard let acl = ACLText.acl(of: text) else {
            attributesNotSet += 1
            return
        }
        if clinux_set_xattr(file, name, acl, UInt64(acl.count)) == 0 { return }
        guard Self.isRefusal(errno) else { throw failed("set the ACL of", entry) }
        attributesNotSet += 1
    }

    /// Returns true when the system or the file system does not allow it; a full disk is something else.
    private static func isRefusal(_ code: CInt) -> Bool {
        code == EPERM || code == EACCES || code == EOPNOTSUPP || code == ENOSYS || code == EINVAL
    }

    private static func times(_ modified: Moment) -> [timespec] {
        let omit = timespec(tv_sec: 0, tv_nsec: (1 << 30) - 2)  // UTIME_OMIT, linux/stat.h
        return [omit, timespec(tv_sec: time_t(modified.seconds), tv_nsec: Int(modified.nanoseconds))]
    }

    private func failed(_ operation: String, _ entry: ArchiveEntry) -> FileError {
        FileError.last(operation, rootPath.appending(raw: entry.path))
    }
}
