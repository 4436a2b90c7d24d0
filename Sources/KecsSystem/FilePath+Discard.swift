// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import SystemPackage

extension FilePath {
    /// Removes the tree for good. Anything that cannot be removed (another user's file, one with the attribute
    /// “immutable”) is moved into `.going/` of `place`. Nothing takes it for its former self there, and the removal is
    /// retried later.
    ///
    /// Never throws: nothing depends on the removal of rubbish. `Remnants` lists what is left.
    ///
    /// - Parameter place: A folder on the same file system.
    public func discard(into place: FilePath) {
        let error: FileError
        do {
            guard let stuck = try removeWhatCanBe() else { return }
            error = stuck
        } catch let failure as FileError {
            error = failure
        } catch {
            return
        }
        // It is gone after all: another kecsctl was faster.
        if error.errno == .noSuchFileOrDirectory { return }
        Remnants(in: place).take(self)
    }
}

/// The things that could not be removed: the folder `.going` in a place.
public struct Remnants: Sendable {
    public static let folderName = ".going"

    public let folder: FilePath
    private let place: FilePath

    public init(in place: FilePath) {
        self.place = place
        folder = place.appending(Self.folderName)
    }

    /// The suffixes of the names that things have while they are being removed. Another user's folder can be renamed in
    /// place but not moved: it then stays under such a name.
    private static let endings = [".deleting", ".destroying", ".going"]

    /// A thing that could not be removed, and the reason.
    public struct Remnant: Hashable, Sendable {
        /// The path in `.going/`.
        public var path: FilePath
        /// The path that cannot be removed: `path` itself or something below it.
        public var stuck: FilePath
        public var errno: Errno
        /// The owner of `stuck`; nil when it cannot be examined.
        public var owner: UInt32?
        /// The attributes that prevent the removal: "immutable", "append-only".
        public var attributes: [String]
    }

    /// Retries the removal of all of them.
    ///
    /// - Parameter mayGo: Called for each path. A path for which it returns false is kept.
    public func retry(_ mayGo: (FilePath) -> Bool = { _ in true }) {
        let paths: [FilePath]
        do { paths = try self.paths() } catch { return }
        for path in paths where mayGo(path) {
            do { _ = try path.removeWhatCanBe() } catch {
                // It stays, and `all` says why.
                continue
            }
        }
        // This removes only an empty folder.
        _ = folder.withPlatformString { paths_rmdir($0) }
    }

    /// Returns what is left. Tries to remove nothing.
    ///
    /// - Throws: `FileError` when the folder cannot be read.
    public func all() throws -> [Remnant] {
        try paths().map { path in
            let stuck = Self.culprit(in: path)
            return Remnant(
                path: path, stuck: stuck.path, errno: stuck.errno, owner: Self.owner(of: stuck.path),
                attributes: Self.attributes(of: stuck.path))
        }
    }

    /// Moves the path into the folder, under an unused name. A path that cannot be moved stays where it is, and the
    /// next caller that finds it there tries again.
    public func take(_ path: FilePath) {
        guard let name = path.lastComponent else { return }
        do {
            try folder.createFolder()
            for _ in 0..<16 {
                let mark = UInt32.random(in: .min ... .max)
                let target = folder.appending(
                    bytes: Array(name.bytes.drop { $0 == UInt8(ascii: ".") }.prefix(200))
                        + Array("-\(String(mark, radix: 16))".utf8))
                do {
                    return try path.renameWithoutReplacing(to: target)
                } catch let error as FileError where error.errno == .fileExists {
                    continue
                }
            }
        } catch {
            return
        }
    }

    private func paths() throws -> [FilePath] {
        guard try place.isFolder else { return [] }
        let stuck = try place.entries().filter { name in
            name != FilePath.Component(Self.folderName) && name.string.hasPrefix(".")
                && Self.endings.contains { name.string.hasSuffix($0) }
        }
        let moved = try folder.isFolder ? folder.entries() : []
        return stuck.map { place.appending($0) } + moved.map { folder.appending($0) }
    }

    // MARK: Why

    /// The first thing below a path that keeps it from being removed.
    private static func culprit(in path: FilePath) -> (path: FilePath, errno: Errno) {
        var path = path
        var errno = Errno.permissionDenied
        for _ in 0..<4096 {
            guard attributes(of: path).isEmpty else { return (path, .notPermitted) }
            do {
                guard try path.isFolder, let first = try path.entries().first else { break }
                path = path.appending(first)
            } catch let error as FileError {
                errno = error.errno
                break
            } catch {
                break
            }
        }
        return (path, errno)
    }

    private static func owner(of path: FilePath) -> UInt32? {
        do { return try FileStatus.of(path)?.owner } catch { return nil }
    }

    /// The attributes by chattr(1) that keep even root from removing a file.
    private static func attributes(of path: FilePath) -> [String] {
        let file = path.withPlatformString {
            paths_open($0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0)
        }
        guard file >= 0 else { return [] }
        defer { close(file) }
        let flags = clinux_attributes(file)
        guard flags > 0 else { return [] }
        return [(clinux_attribute_immutable, "immutable"), (clinux_attribute_append, "append-only")]
            .filter { flags & $0.0 != 0 }.map(\.1)
    }
}
