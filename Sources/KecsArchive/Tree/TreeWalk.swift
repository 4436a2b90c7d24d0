// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// An entry of a folder, as the walk found it.
struct WalkedName {
    /// The open folder that holds it.
    let folder: CInt
    let name: UnsafePointer<CChar>
    /// `DT_REG` and the like, or `DT_UNKNOWN`.
    let type: UInt8
}

/// The handler of a tree's entries. `path` is relative, raw and empty for the root.
protocol TreeVisitor: AnyObject {
    func enter(folder: CInt, path: [UInt8], status: FileStatus) throws
    /// Called when everything in the folder has been visited.
    func leave(path: [UInt8], status: FileStatus) throws
    /// Visits anything but a folder.
    func visit(_ name: WalkedName, path: [UInt8]) throws
    func vanished(_ path: [UInt8])
    /// A name that the source's patterns leave out; nothing below it is visited.
    func excluded(_ path: [UInt8]) throws
}

extension TreeVisitor {
    func excluded(_ path: [UInt8]) {}
}

/// Goes through a tree once, in the order of the names' bytes, a folder before its content.
///
/// Everything is opened relative to the folder that holds it, and no link is followed. So depth and length of paths
/// have no limit, and a folder that another process replaces by a link meanwhile leads nowhere. Only one folder's names
/// at each level are in memory.
struct TreeWalk {
    /// The number of folders' descriptors kept open at once; those nearer to the root are opened again when needed.
    private static let openLimit = 64

    let source: TreeSource
    let cancellation: Cancellation

    private struct Level {
        var descriptor: CInt
        var stream: OpaquePointer?
        var status: FileStatus
        var listing: FolderListing
        var next = 0
        var pathCount: Int
        /// True when nothing of the folder is archived but the tag that marks it as a cache.
        var isCache = false

        mutating func close() {
            if let stream { closedir(stream) } else if descriptor >= 0 { Glibc.close(descriptor) }
            stream = nil
            descriptor = -1
        }
    }

    func run(_ visitor: some TreeVisitor) throws {
        var path: [UInt8] = []
        var levels: [Level] = []
        defer { for index in levels.indices { levels[index].close() } }
        // The root is ours to name, so a link to a folder is accepted.
        let root = source.root.withPlatformString { paths_open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        guard root >= 0 else { throw FileError.last("open", source.root) }
        levels.append(try level(root, path: path))
        let device = levels[0].status.device
        try visitor.enter(folder: root, path: path, status: levels[0].status)

        while let top = levels.indices.last {
            if levels[top].next == levels[top].listing.names.count {
                path.removeLast(path.count - levels[top].pathCount)
                try visitor.leave(path: path, status: levels[top].status)
                try ascend(&levels)
                continue
            }
            try cancellation.check()
            let index = levels[top].next
            levels[top].next += 1
            path.removeLast(path.count - levels[top].pathCount)
            let folder = levels[top].descriptor
            let isCache = levels[top].isCache
            let entry = levels[top].listing.names[index]
            let below: CInt? = try levels[top].listing.withName(index) { name in
                if !path.isEmpty { path.append(UInt8(ascii: "/")) }
                path.append(contentsOf: UnsafeRawBufferPointer(start: name, count: strlen(name)))
                if !source.leftOut.isEmpty, source.leftOut.contains(path) { return nil }
                if isCache, strcmp(name, CacheTag.name) != 0 {
                    try visitor.excluded(path)
                    return nil
                }
                return try visit(WalkedName(folder: folder, name: name, type: entry.type), path, visitor)
            }
            guard let below else { continue }
            var deeper = try level(below, path: path)
            deeper.isCache = source.excluded.caches && CacheTag.isIn(below)
            if source.stayOnDevice, deeper.status.device != device {
                deeper.next = deeper.listing.names.count
            }
            if levels.count >= Self.openLimit { levels[levels.count - Self.openLimit].close() }
            levels.append(deeper)
            try visitor.enter(folder: below, path: path, status: deeper.status)
        }
    }

    /// - Returns: The descriptor of a folder to go into.
    private func visit(
        _ entry: WalkedName, _ path: [UInt8], _ visitor: some TreeVisitor
    ) throws -> CInt? {
        var type = entry.type
        if type == UInt8(DT_UNKNOWN) {
            var raw = stat()
            guard fstatat(entry.folder, entry.name, &raw, AT_SYMLINK_NOFOLLOW) == 0 else {
                guard errno == ENOENT else { throw FileError.last("look at", source.path(path)) }
                visitor.vanished(path)
                return nil
            }
            type = UInt8((raw.st_mode & S_IFMT) >> 12)
        }
        if !source.excluded.isEmpty, source.excluded.excludes(path, isFolder: type == UInt8(DT_DIR)) {
            try visitor.excluded(path)
            return nil
        }
        guard type == UInt8(DT_DIR) else {
            try visitor.visit(WalkedName(folder: entry.folder, name: entry.name, type: type), path: path)
            return nil
        }
        let folder = openat(
            entry.folder, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        if folder >= 0 { return folder }
        switch errno {
        case ENOENT: visitor.vanished(path)
        // Another file has that name by now.
        case ENOTDIR, ELOOP:
            try visitor.visit(
                WalkedName(folder: entry.folder, name: entry.name, type: UInt8(DT_UNKNOWN)), path: path)
        default: throw FileError.last("open", source.path(path))
        }
        return nil
    }

    private func level(_ descriptor: CInt, path: [UInt8]) throws -> Level {
        guard let stream = fdopendir(descriptor) else {
            close(descriptor)
            throw FileError.last("list", source.path(path))
        }
        do {
            let status = try FileStatus.of(descriptor: descriptor, at: source.path(path))
            guard let listing = FolderListing(stream) else { throw FileError.last("list", source.path(path)) }
            return Level(
                descriptor: descriptor, stream: stream, status: status, listing: listing,
                pathCount: path.count)
        } catch {
            closedir(stream)
            throw error
        }
    }

    /// Leaves the deepest level; the one above is opened again where it was closed to save descriptors.
    private func ascend(_ levels: inout [Level]) throws {
        var left = levels.removeLast()
        defer { left.close() }
        guard let above = levels.indices.last, levels[above].descriptor < 0 else { return }
        let folder = openat(left.descriptor, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard folder >= 0 else { throw FileError.last("open a folder again in", source.root) }
        levels[above].descriptor = folder
        let now = try FileStatus.of(descriptor: folder, at: source.root)
        guard now.device == levels[above].status.device, now.inode == levels[above].status.inode else {
            // The folder was moved while it was read: `..` may be anything now.
            throw FileError("read, a folder was moved meanwhile:", source.root, .staleNFSFileHandle)
        }
    }
}
