// SPDX-License-Identifier: Apache-2.0
public import Glibc
public import SystemPackage

/// A process that has something below a folder open, mapped or locked.
public struct FileHolder: Hashable, Sendable {
    public enum Use: String, Hashable, Sendable {
        case descriptor, mapping, lock
    }

    /// The process's id. Not positive where the kernel does not report the process.
    public var pid: pid_t
    /// Clock ticks from boot to its start; nil when it could not be read.
    public var startTime: UInt64?
    /// Its command line, or its name in brackets.
    public var command: String
    /// The path that the process holds, as a path of this process where that is known.
    public var path: FilePath
    public var use: Use
    /// Open for writing, mapped so that writes reach the file, or locked.
    public var mayWrite: Bool
    /// The ids of the containers that it runs in, the outermost first; empty when none is known.
    public var containers: [String]

    public init(
        pid: pid_t, startTime: UInt64?, command: String, path: FilePath, use: Use, mayWrite: Bool,
        containers: [String] = []
    ) {
        self.pid = pid
        self.startTime = startTime
        self.command = command
        self.path = path
        self.use = use
        self.mayWrite = mayWrite
        self.containers = containers
    }

    /// Returns true when the process has ended. Never where the kernel does not tell the process.
    ///
    /// - Throws: `FileError` when `/proc` cannot be read.
    public func hasEnded() throws -> Bool {
        guard pid > 0 else { return false }
        guard let status = try ProcessStatus.of(pid), status.isRunning else { return true }
        return startTime.map { $0 != status.startTime } ?? false
    }
}

/// The processes that use something below some folders, as far as `/proc` shows them to this user.
public struct FileHolders: Hashable, Sendable {
    /// The holders, each process once: a writer's use before a reader's.
    public var holders: [FileHolder]
    /// The processes whose open files this user may not see, in ascending order: other users', for anyone but root; for
    /// root those that the kernel protects from it where it lacks CAP_SYS_PTRACE, as in a container.
    public var unseen: [pid_t]
    /// Why else somebody may be missing; nil when nobody can be.
    public var gap: String?

    public init(holders: [FileHolder] = [], unseen: [pid_t] = [], gap: String? = nil) {
        self.holders = holders
        self.unseen = unseen
        self.gap = gap
    }

    /// Searches for the processes that use the places. Leaves out this process, and others that run the same program.
    ///
    /// - Parameters:
    ///   - places: Folders or files; links are followed. A process may still hold a path that no longer exists, if it
    ///     opened it before the removal.
    ///   - locks: True to search also for locks of processes that cannot be examined. This goes through every file
    ///     below the places.
    /// - Throws: `FileError` when `/proc` cannot be read.
    public static func below(_ places: [FilePath], locks: Bool = true) throws -> FileHolders {
        try HolderSearch(places).run(locks: locks)
    }

    /// Searches for every path below the places that a process has open or mapped for writing.
    ///
    /// - Returns: The paths; nil when some may be missing, because processes could not be examined.
    /// - Throws: `FileError` when `/proc` cannot be read.
    public static func written(below places: [FilePath]) throws -> Set<FilePath>? {
        let (written, holders) = try HolderSearch(places).runForWritten()
        return holders.unseen.isEmpty && holders.gap == nil ? written : nil
    }
}
