// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import KecsSystem
public import SystemPackage

/// The patterns of the paths that are left out of a part's archive.
public struct ExcludePatterns: Hashable, Sendable {
    /// The last one that matches decides.
    public var patterns: [ExcludePattern]
    /// True when the content of folders tagged by CACHEDIR.TAG is left out. The folder and its tag are kept.
    public var caches: Bool

    public init(_ patterns: [ExcludePattern] = [], caches: Bool = false) {
        self.patterns = patterns
        self.caches = caches
    }

    public var isEmpty: Bool { patterns.isEmpty && !caches }

    /// Returns true when a pattern leaves out this very path. It is not called for paths below a folder that is left
    /// out: as in git, nothing brings them back.
    func excludes(_ path: [UInt8], isFolder: Bool) -> Bool { deciding(path, isFolder: isFolder) != nil }

    private func deciding(_ path: [UInt8], isFolder: Bool) -> ExcludePattern? {
        let names = path.split(separator: UInt8(ascii: "/")).map { $0.map { CChar(bitPattern: $0) } + [0] }
        if let last = patterns.last(where: { $0.matches(names, isFolder: isFolder) }) {
            return last.isNegated ? nil : last
        }
        guard !isFolder else { return nil }
        // A write-ahead log means nothing without its database.
        for suffix in DatabaseEngine.sidecarSuffixes where path.count > suffix.utf8.count {
            guard path.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) else { continue }
            if let of = deciding(Array(path.dropLast(suffix.utf8.count)), isFolder: false) { return of }
        }
        return nil
    }

    /// Returns the pattern that leaves out a path, or a folder above it; nil when the path is kept.
    ///
    /// - Parameter root: The tree's root, which is searched for tags.
    public func reason(toLeaveOut path: [UInt8], isFolder: Bool, below root: FilePath) throws -> String? {
        guard !isEmpty else { return nil }
        let slash = UInt8(ascii: "/")
        let ends = path.indices.filter { path[$0] == slash } + [path.count]
        for (depth, end) in ends.enumerated() {
            let above = Array(path[..<end])
            let isLast = depth == ends.count - 1
            if let pattern = deciding(above, isFolder: !isLast || isFolder) {
                return "the pattern “\(pattern)”"
            }
            guard caches, !isLast else { continue }
            if try CacheTag.isIn(root.appending(bytes: above)) {
                return "\(CacheTag.name) in “\(printable(above))”"
            }
        }
        return nil
    }
}

/// The mark of a folder whose content can be recreated: https://bford.info/cachedir/
enum CacheTag {
    static let name = "CACHEDIR.TAG"
    static let signature = Array("Signature: 8a477f597d28d172789f06886806bc55".utf8)

    static func isIn(_ folder: CInt) -> Bool {
        let file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        var raw = stat()
        guard fstat(file, &raw) == 0, FileStatus(raw).kind == .file else { return false }
        var bytes = [UInt8](repeating: 0, count: signature.count)
        return read(file, &bytes, bytes.count) == bytes.count && bytes == signature
    }

    static func isIn(_ folder: FilePath) throws -> Bool {
        let open = folder.withPlatformString { paths_open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        guard open >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return false }
            throw FileError.last("open", folder)
        }
        defer { close(open) }
        return isIn(open)
    }
}

/// Hands over every name of a tree that its patterns leave out. Of a folder only the folder itself, not its content.
///
/// - Throws: `FileError`, `Interrupted`, and any error of `each`.
public func walkExcluded(
    _ source: TreeSource, cancellation: Cancellation, each: @escaping ([UInt8]) throws -> Void
) throws {
    try TreeWalk(source: source, cancellation: cancellation).run(EachExcluded(each: each))
}

private final class EachExcluded: TreeVisitor {
    let each: ([UInt8]) throws -> Void

    init(each: @escaping ([UInt8]) throws -> Void) { self.each = each }

    func enter(folder: CInt, path: [UInt8], status: FileStatus) {}
    func leave(path: [UInt8], status: FileStatus) {}
    func vanished(_ path: [UInt8]) {}
    func visit(_ name: WalkedName, path: [UInt8]) {}
    func excluded(_ path: [UInt8]) throws { try each(path) }
}
