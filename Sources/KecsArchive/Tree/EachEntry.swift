// SPDX-License-Identifier: Apache-2.0
import Glibc
public import KecsSystem
import SystemPackage

/// Hands over every entry of a tree that would be archived, the root left out, in the order of names' bytes. No content
/// is read.
///
/// - Throws: `FileError`, `Interrupted`, and any error of `each`.
public func walkTree(
    _ source: TreeSource, cancellation: Cancellation, each: @escaping ([UInt8], FileStatus) throws -> Void
) throws {
    try TreeWalk(source: source, cancellation: cancellation).run(EachEntry(source: source, each: each))
}

private final class EachEntry: TreeVisitor {
    let source: TreeSource
    let each: ([UInt8], FileStatus) throws -> Void

    init(source: TreeSource, each: @escaping ([UInt8], FileStatus) throws -> Void) {
        self.source = source
        self.each = each
    }

    func enter(folder: CInt, path: [UInt8], status: FileStatus) throws {
        if !path.isEmpty { try each(path, status) }
    }

    func leave(path: [UInt8], status: FileStatus) {}

    func vanished(_ path: [UInt8]) {}

    func visit(_ entry: WalkedName, path: [UInt8]) throws {
        var raw = stat()
        guard fstatat(entry.folder, entry.name, &raw, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return }
            throw FileError.last("look at", source.path(path))
        }
        try each(path, FileStatus(raw))
    }
}
