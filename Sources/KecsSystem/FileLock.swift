// SPDX-License-Identifier: Apache-2.0
import CLinux
import FoundationEssentials
import Glibc
import Synchronization
public import SystemPackage

/// Another holder has the lock.
public struct LockHeld: Error, Hashable, Sendable {
    public let path: FilePath
    /// The holder that the file names. Nil when the file is not readable: it is just being written, or is no lock of
    /// ours.
    public let holder: FileLock.Holder?

    public init(path: FilePath, holder: FileLock.Holder?) {
        self.path = path
        self.holder = holder
    }
}

/// An exclusive flock(2). The kernel releases it when this process ends, however it ends; children never have it.
///
/// The file's content is for people and for `LockHeld`; it decides nothing. The file stays when the lock is released.
public final class FileLock: Sendable {
    /// In JSON:
    /// `{"pid":812,"startTime":40211,"bootId":"…","pidNamespace":…,"command":"kecsctl backup dev","since":"…"}`.
    public struct Holder: Hashable, Sendable, Codable {
        public var process: ProcessIdentity
        public var command: String
        public var since: Moment

        public init(process: ProcessIdentity, command: String, since: Moment) {
            self.process = process
            self.command = command
            self.since = since
        }

        private enum CodingKeys: String, CodingKey { case command, since }

        public init(from decoder: any Decoder) throws {
            process = try ProcessIdentity(from: decoder)
            let values = try decoder.container(keyedBy: CodingKeys.self)
            command = try values.decode(String.self, forKey: .command)
            since = try values.decode(Moment.self, forKey: .since)
        }

        public func encode(to encoder: any Encoder) throws {
            try process.encode(to: encoder)
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(command, forKey: .command)
            try values.encode(since, forKey: .since)
        }
    }

    public let path: FilePath
    private let descriptor: Mutex<CInt?>

    private init(path: FilePath, descriptor: CInt) {
        self.path = path
        self.descriptor = Mutex(descriptor)
    }

    deinit { unlock() }

    /// Holds the lock for as long as `body` runs.
    public static func hold<Result>(
        _ path: FilePath, command: String, wait: Duration? = nil, clock: any WallClock,
        cancellation: Cancellation,
        _ body: () async throws -> Result
    ) async throws -> Result {
        let lock = try await acquire(
            path, command: command, wait: wait, clock: clock, cancellation: cancellation)
        defer { lock.unlock() }
        return try await body()
    }

    /// - Parameters:
    ///   - path: Created with mode 0600 if need be; its folder must exist.
    ///   - command: The holder's command, shown to anyone who finds the file locked.
    ///   - wait: The time to keep trying; nil for one attempt.
    /// - Returns: The lock, held until `unlock()` or until the last reference is gone, whichever is first.
    /// - Throws: `LockHeld`, `FileError`, `Interrupted`, `CancellationError`.
    public static func acquire(
        _ path: FilePath, command: String, wait: Duration? = nil, clock: any WallClock,
        cancellation: Cancellation
    ) async throws -> FileLock {
        var taken: FileLock?
        let hasIt = try await clock.wait(upTo: wait ?? .zero) {
            try cancellation.check()
            taken = try attempt(path)
            return taken != nil
        }
        guard hasIt, let lock = taken else { throw LockHeld(path: path, holder: holder(of: path)) }
        try lock.sign(
            Holder(process: try ProcessIdentity.current(), command: command, since: clock.now()))
        return lock
    }

    /// The holder that the file names. It need not hold the lock any more.
    public static func holder(of path: FilePath) -> Holder? {
        guard let bytes = try? path.contents(limit: 64 << 10) else { return nil }
        return try? JSONDecoder().decode(Holder.self, from: Data(bytes))
    }

    /// Releases the lock. May be called more than once.
    public func unlock() {
        descriptor.withLock { descriptor in
            guard let file = descriptor else { return }
            descriptor = nil
            ftruncate(file, 0)
            // Closing alone does not suffice while a child that was just forked still has a copy.
            flock(file, LOCK_UN)
            close(file)
        }
    }

    /// - Returns: Nil when it is held elsewhere, also when this process holds it.
    private static func attempt(_ path: FilePath) throws -> FileLock? {
        while true {
            let file = path.withPlatformString {
                paths_open($0, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
            }
            guard file >= 0 else { throw FileError.last("open the lock", path) }
            let lock = FileLock(path: path, descriptor: file)
            let status = try FileStatus.of(descriptor: file, at: path)
            guard status.kind == .file else { throw FileError("lock", path, .invalidArgument) }
            while flock(file, LOCK_EX | LOCK_NB) != 0 {
                if errno == EINTR { continue }
                let error = FileError.last("lock", path)
                lock.abandon()
                if error.errno == .wouldBlock { return nil }
                throw error
            }
            // If the folder was replaced meanwhile, this lock would protect nothing.
            let named = try FileStatus.of(path)
            if named?.inode == status.inode, named?.device == status.device { return lock }
            lock.abandon()
        }
    }

    /// Closes without touching the content, which is another holder's.
    private func abandon() {
        descriptor.withLock { descriptor in
            if let file = descriptor { close(file) }
            descriptor = nil
        }
    }

    /// Writes the holder into the file. A full disk is no reason to go without the lock: freeing space needs it too.
    /// Others then see that the lock is held, but not by whom.
    private func sign(_ holder: Holder) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes = [UInt8](try encoder.encode(holder)) + [UInt8(ascii: "\n")]
        descriptor.withLock { descriptor in
            guard let file = descriptor else { return }
            ftruncate(file, 0)
            if pwrite(file, bytes, bytes.count, 0) != bytes.count { ftruncate(file, 0) }
        }
    }
}
