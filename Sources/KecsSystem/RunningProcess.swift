// SPDX-License-Identifier: Apache-2.0
public import Glibc
import SystemPackage

/// A process of this machine with its command line, possibly left behind by a killed run.
public struct RunningProcess: Hashable, Sendable {
    public let pid: pid_t
    public let arguments: [String]
    /// Clock ticks from boot: with the pid it is one process of this boot.
    private let startTime: UInt64

    /// Returns this user's running processes whose arguments match. Leaves out processes that end meanwhile.
    ///
    /// - Throws: `FileError` when `/proc` cannot be read.
    public static func ofThisUser(where areMeant: ([String]) -> Bool) throws -> [RunningProcess] {
        try FilePath("/proc").entries().compactMap { name in
            let folder = FilePath("/proc").appending(name)
            // First the condition that excludes most: there are hundreds of processes.
            guard let pid = pid_t(name.string), pid != getpid(),
                let words = try? folder.appending("cmdline").contents(limit: 4 << 20), !words.isEmpty
            else { return nil }
            let arguments = strings(words)
            guard areMeant(arguments), let owner = try? FileStatus.of(folder)?.owner, owner == Machine.userID,
                let status = try ProcessStatus.of(pid), status.isRunning
            else { return nil }
            return RunningProcess(pid: pid, arguments: arguments, startTime: status.startTime)
        }
    }

    /// The value of a variable when the process was started; nil when it had none, or has ended.
    public func variable(_ name: String) -> String? {
        guard let bytes = try? FilePath("/proc/\(pid)/environ").contents(limit: 4 << 20) else { return nil }
        let prefix = name + "="
        return Self.strings(bytes).first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }

    /// Splits the bytes into strings, each of which ends with a NUL byte.
    private static func strings(_ bytes: [UInt8]) -> [String] {
        bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// Sends SIGKILL, to the whole group if it leads one. Does nothing when it has ended meanwhile.
    public func kill() throws {
        guard let status = try ProcessStatus.of(pid), status.isRunning, status.startTime == startTime else {
            return
        }
        if status.group == pid {
            ProcessGroup(id: pid).killAtOnce()
        } else {
            _ = Glibc.kill(pid, SIGKILL)
        }
    }
}
