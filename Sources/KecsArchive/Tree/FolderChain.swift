// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// Descriptors of the folders from the root to the current one. The next path is usually near, so that it costs one
/// call.
///
/// Every step is an openat2 that can neither go through a link nor leave the root, whatever another process does to the
/// tree meanwhile.
final class FolderChain {
    private static let openLimit = 64
    static let resolve =
        clinux_resolve_beneath | clinux_resolve_no_symlinks | clinux_resolve_no_magiclinks

    private let root: CInt
    private let rootPath: FilePath
    private var path: [UInt8] = []
    /// The folders below the root: the end of each folder's path in `path`, and its descriptor or -1.
    private var levels: [(end: Int, descriptor: CInt)] = []

    enum Missing {
        case create
        case giveUp
    }

    /// A part of a path exists and is no folder.
    struct NoFolder: Error {}

    /// - Parameter root: The caller closes it.
    init(root: CInt, path: FilePath) {
        self.root = root
        rootPath = path
    }

    deinit { for level in levels where level.descriptor >= 0 { close(level.descriptor) } }

    /// - Returns: The folder's descriptor, valid until the next call; nil when it does not exist and must not be
    ///   created.
    /// - Throws: `NoFolder`, `FileError`.
    func open(_ wanted: ArraySlice<UInt8>, missing: Missing) throws -> CInt? {
        ascend(to: wanted)
        var descriptor = try deepest()
        var start = levels.last.map { $0.end } ?? 0
        while start < wanted.count {
            // A path's parts are separated by one slash each.
            let from = wanted.startIndex + start + (start == 0 ? 0 : 1)
            let end = wanted[from...].firstIndex(of: UInt8(ascii: "/")) ?? wanted.endIndex
            guard let next = try step(from: descriptor, wanted[from..<end], wanted[..<end], missing) else {
                return nil
            }
            if !path.isEmpty { path.append(UInt8(ascii: "/")) }
            path.append(contentsOf: wanted[from..<end])
            if levels.count >= Self.openLimit {
                let far = levels.count - Self.openLimit
                if levels[far].descriptor >= 0 { close(levels[far].descriptor) }
                levels[far].descriptor = -1
            }
            levels.append((path.count, next))
            descriptor = next
            start = end - wanted.startIndex
        }
        return descriptor
    }

    private func ascend(to wanted: ArraySlice<UInt8>) {
        while let last = levels.last {
            let isPrefix =
                last.end <= wanted.count && path[..<last.end].elementsEqual(wanted.prefix(last.end))
                && (last.end == wanted.count || wanted[wanted.startIndex + last.end] == UInt8(ascii: "/"))
            if isPrefix { break }
            if last.descriptor >= 0 { close(last.descriptor) }
            levels.removeLast()
        }
        path.removeLast(path.count - (levels.last?.end ?? 0))
    }

    /// The descriptor of the last level, opened again from the nearest one above that is open.
    private func deepest() throws -> CInt {
        guard let last = levels.last else { return root }
        if last.descriptor >= 0 { return last.descriptor }
        let open = levels.lastIndex { $0.descriptor >= 0 }
        var descriptor = open.map { levels[$0].descriptor } ?? root
        var between: CInt = -1
        defer { if between >= 0 { close(between) } }
        for index in ((open ?? -1) + 1)..<levels.count {
            let from = index == 0 ? 0 : levels[index - 1].end + 1
            guard
                let next = try step(
                    from: descriptor, path[from..<levels[index].end], path[..<levels[index].end], .giveUp)
            else { throw NoFolder() }
            if between >= 0 { close(between) }
            between = next
            descriptor = next
        }
        between = -1
        levels[levels.count - 1].descriptor = descriptor
        return descriptor
    }

    private func step(
        from folder: CInt, _ name: ArraySlice<UInt8>, _ whole: ArraySlice<UInt8>, _ missing: Missing
    ) throws -> CInt? {
        let flags = UInt64(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        return try withRawName(name) { name in
            var descriptor = clinux_openat2(folder, name, flags, 0, Self.resolve)
            if descriptor < 0, errno == ENOENT {
                guard missing == .create else { return nil }
                // Another chain may have made it meanwhile.
                guard mkdirat(folder, name, 0o755) == 0 || errno == EEXIST else {
                    throw FileError.last("create the folder", rootPath.appending(raw: Array(whole)))
                }
                descriptor = clinux_openat2(folder, name, flags, 0, Self.resolve)
            }
            if descriptor >= 0 { return descriptor }
            if errno == ENOTDIR || errno == ELOOP || errno == EXDEV { throw NoFolder() }
            throw FileError.last("open the folder", rootPath.appending(raw: Array(whole)))
        }
    }
}

/// Calls `body` with a name of a path as a C string.
func withRawName<Result>(
    _ name: ArraySlice<UInt8>, _ body: (UnsafePointer<CChar>) throws -> Result
) rethrows -> Result {
    try withUnsafeTemporaryAllocation(of: CChar.self, capacity: name.count + 1) { room in
        for (index, byte) in name.enumerated() { room[index] = CChar(bitPattern: byte) }
        room[name.count] = 0
        guard let start = room.baseAddress else { preconditionFailure("space for at least the final zero") }
        return try body(start)
    }
}

extension Array where Element == UInt8 {
    /// A relative path's folder (empty for the root) and its last name.
    var folderAndName: (folder: ArraySlice<UInt8>, name: ArraySlice<UInt8>) {
        guard let slash = lastIndex(of: UInt8(ascii: "/")) else { return (self[..<0], self[...]) }
        return (self[..<slash], self[(slash + 1)...])
    }
}
