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
    /// - Parameters:
    ///   - place: A folder on the same file system.
    ///   - cancellation: Whoever presses Ctrl-C does not wait for a removal: what is not removed by then goes to `.going/`
    ///     too, and the next holder of the lock removes it.
    public func discard(into place: FilePath, _ cancellation: Cancellation? = nil) {
        let error: FileError
        do {
            try cancellation?.check()
            guard let stuck = try removeWhatCanBe(cancellation) else { return }
            error = stuck
        } catch is Interrupted {
            return Remnants(in: place).take(self, isPostponed: true)
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

/// The things that could not be removed, and those whose removal was interrupted: the folder `.going` in a place.
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

    /// The suffix of what nobody tried to remove to the end.
    private static let postponed = ".later"

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
    /// - Throws: `Interrupted`, nothing else.
    public func retry(
        _ cancellation: Cancellation? = nil, _ mayGo: (FilePath) throws(Interrupted) -> Bool = { _ in true }
    ) throws(Interrupted) {
        let paths: [FilePath]
        do { paths = try self.paths() } catch { return }
        for path in paths where try mayGo(path) {
            do {
                guard try path.removeWhatCanBe(cancellation) != nil else { continue }
            } catch let error as Interrupted { throw error } catch {
                // It stays, and `all` says why.
            }
            if Self.isPostponed(path) { take(path) }
        }
        // This removes only an empty folder.
        _ = folder.withPlatformString { paths_rmdir($0) }
    }

    /// Returns what could not be removed. Tries to remove nothing.
    ///
    /// - Throws: `FileError` when the folder cannot be read.
    public func all() throws -> [Remnant] {
        try paths().filter { !Self.isPostponed($0) }.map { path in
            let stuck = Self.culprit(in: path)
            return Remnant(
                path: path, stuck: stuck.path, errno: stuck.errno, owner: Self.owner(of: stuck.path),
                attributes: Self.attributes(of: stuck.path))
        }
    }

    /// Returns what is still to be removed because an interruption was in the way. Nothing is wrong with it.
    ///
    /// - Throws: `FileError` when the folder cannot be read.
    public func postponed() throws -> [FilePath] { try paths().filter(Self.isPostponed) }

    private static func isPostponed(_ path: FilePath) -> Bool {
        path.removingLastComponent().lastComponent?.string == folderName
            && path.lastComponent?.string.hasSuffix(postponed) == true
    }

    /// Moves the path into the folder, under an unused name. A path that cannot be moved stays where it is, and the
    /// next caller that finds it there tries again.
    ///
    /// - Parameter isPostponed: True when nobody knows yet whether it can be removed.
    public func take(_ path: FilePath, isPostponed: Bool = false) {
        guard let name = path.lastComponent else { return }
        do {
            try folder.createFolder()
            for _ in 0..<16 {
                let mark = UInt32.random(in: .min ... .max)
                let target = folder.appending(
                    bytes: Array(name.bytes.drop { $0 == UInt8(ascii: ".") }.prefix(200))
                        + Array("-\(String(mark, radix: 16))\(isPostponed ? Self.postponed : "")".utf8))
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
