// SPDX-License-Identifier: Apache-2.0
import Glibc
public import SystemPackage

/// Everything outside the program that a command may use, as one value: built once in `Main.swift`, handed down. The
/// file system, SQLite and libarchive are not in it: tests use real ones.
public struct Machine: Sendable {
    public var environment: [String: String]
    public var processes: any ProcessRunner
    public var clock: any WallClock
    /// The free space for an unprivileged writer on the file system that holds the path.
    public var freeSpace: @Sendable (FilePath) throws -> ByteCount
    /// Random bytes, for ids and secrets.
    public var random: @Sendable (_ count: Int) -> [UInt8]
    public var cancellation: Cancellation
    public var progress: any ProgressSink
    /// The descriptor of the input that is piped into the program.
    public var input: CInt = STDIN_FILENO

    public init(
        environment: [String: String],
        processes: any ProcessRunner,
        clock: any WallClock = SystemClock(),
        freeSpace: @escaping @Sendable (FilePath) throws -> ByteCount = FreeSpace.at,
        random: @escaping @Sendable (Int) -> [UInt8] = { count in
            var generator = SystemRandomNumberGenerator()
            return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        },
        cancellation: Cancellation = Cancellation(),
        progress: any ProgressSink = SilentProgress()
    ) {
        self.environment = environment
        self.processes = processes
        self.clock = clock
        self.freeSpace = freeSpace
        self.random = random
        self.cancellation = cancellation
        self.progress = progress
    }
}

extension Machine {
    /// The effective user and group of this process, which own its files.
    public static var userID: UInt32 { geteuid() }
    public static var groupID: UInt32 { getegid() }
}
