// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import SystemPackage

/// A path as the kernel takes it, for lists of hundreds of thousands of them: a `FilePath` looks at all of itself whenever it
/// is taken apart or put together.
public struct PathBytes: Hashable, Sendable {
    /// Without doubled or trailing slashes, with the NUL.
    private let text: [CChar]

    private init(text: [CChar]) { self.text = text }

    public init(_ path: FilePath) {
        text = path.withPlatformString { Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1)) }
    }

    /// - Parameter bytes: A path, without the NUL. Everything from the first NUL on is left out.
    public init(_ bytes: UnsafeRawBufferPointer) {
        var text = [CChar](unsafeUninitializedCapacity: bytes.count + 1) { room, count in
            if let from = bytes.baseAddress, let to = room.baseAddress { memcpy(to, from, bytes.count) }
            room[bytes.count] = 0
            count = bytes.count + 1
        }
        let length = strlen(text)
        if length < bytes.count { text.removeLast(bytes.count - length) }
        let isNormal = strstr(text, "//") == nil && (length < 2 || text[length - 1] != Self.slash)
        self = isNormal ? PathBytes(text: text) : PathBytes(FilePath(platformString: text))
    }

    public var path: FilePath { FilePath(platformString: text) }

    /// How many bytes it has, the NUL not counted.
    public var count: Int { text.count - 1 }

    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try text.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0.dropLast())) }
    }

    private static let slash = CChar(UInt8(ascii: "/"))

    /// Where its last name begins.
    private var nameStart: Int {
        text.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress, let found = strrchr(start, CInt(Self.slash)) else {
                return 0
            }
            return start.distance(to: UnsafePointer(found)) + 1
        }
    }

    /// The folder that it is in; itself for the root, empty for a single name.
    public var folder: PathBytes {
        let start = nameStart
        guard start > 0 else { return PathBytes(text: [0]) }
        return PathBytes(text: Array(text[..<max(start - 1, 1)]) + [0])
    }

    /// Whether its last name begins with a dot. Nearly none does, and that is quickly seen.
    public var isHidden: Bool { text[nameStart] == CChar(UInt8(ascii: ".")) }

    /// True for the folder itself and for everything in it.
    public func isAt(orBelow folder: PathBytes) -> Bool {
        let length = folder.count
        guard length > 0, count >= length, memcmp(text, folder.text, length) == 0 else { return false }
        return count == length || length == 1 && text[0] == Self.slash || text[length] == Self.slash
    }

    // MARK: What is there

    /// Like `FileStatus.of`.
    public func status() throws -> FileStatus? {
        var raw = Glibc.stat()
        guard paths_lstat(text, &raw) == 0 else {
            if errno == ENOENT { return nil }
            throw FileError.last("look at", path)
        }
        return FileStatus(raw)
    }

    /// The inode's number; nil when there is nothing.
    public func inode() throws -> UInt64? {
        var raw = Glibc.stat()
        guard paths_lstat(text, &raw) == 0 else {
            if errno == ENOENT { return nil }
            throw FileError.last("look at", path)
        }
        return UInt64(raw.st_ino)
    }

    public var isPresent: Bool { get throws { try inode() != nil } }

    /// Like `FilePath.exchange(with:)`.
    public func exchange(with other: PathBytes) throws {
        guard paths_exchange(text, other.text) == 0 else {
            throw FileError.last("exchange with \(other.path)", path)
        }
    }

    /// Like `FilePath.renameWithoutReplacing(to:)`.
    public func renameWithoutReplacing(to target: PathBytes) throws {
        guard paths_rename_noreplace(text, target.text) == 0 else {
            throw FileError.last("rename to \(target.path)", path)
        }
    }

    // MARK: Hashable

    public static func == (one: PathBytes, other: PathBytes) -> Bool {
        one.text.count == other.text.count && memcmp(one.text, other.text, one.text.count) == 0
    }

    public func hash(into hasher: inout Hasher) {
        text.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}
