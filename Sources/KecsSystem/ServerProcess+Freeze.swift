// SPDX-License-Identifier: Apache-2.0
public import Glibc
import SystemPackage

extension ServerProcess {
    public struct FreezeFailure: Error, Hashable, Sendable, CustomStringConvertible {
        public let pid: Int32
        public var description: String { "process \(pid) could not be paused" }
    }

    /// Returns true when the server process itself is stopped by a signal.
    public static func isFrozen(_ identity: ProcessIdentity) throws -> Bool {
        try ProcessStatus.of(identity.pid)?.isStopped ?? false
    }

    /// Sends SIGSTOP to the server and its whole family, and repeats that until no new process has appeared and all of
    /// them stand still: a process may fork between being listed and being stopped.
    ///
    /// - Throws: `FreezeFailure` when they do not stand still within two seconds, for example because one hangs in the
    ///   kernel; all of them then continue.
    public static func freeze(_ identity: ProcessIdentity, clock: any WallClock) async throws {
        var running: pid_t = identity.pid
        do {
            let isFrozen = try await clock.wait(upTo: .seconds(2), every: .milliseconds(2)) {
                let moving = try family(of: identity).filter { !$0.isStopped }
                for process in moving { kill(process.pid, SIGSTOP) }
                running = moving.first?.pid ?? running
                return moving.isEmpty
            }
            guard isFrozen else { throw FreezeFailure(pid: running) }
        } catch {
            try thaw(identity)
            throw error
        }
    }

    /// Sends SIGCONT to the same processes; harmless for running ones.
    public static func thaw(_ identity: ProcessIdentity) throws {
        for process in try family(of: identity) { kill(process.pid, SIGCONT) }
    }

    /// Returns the server with its family, and the other processes that inherited a variable from it, as far as this
    /// user may look: a process that made itself a daemon belongs to no family any more.
    public static func processes(
        of identity: ProcessIdentity?, carrying variable: String, value: String
    ) throws -> Set<pid_t> {
        let members = try identity.map { try family(of: $0) } ?? []
        return Set(members.map(\.pid)).union(try ProcessStatus.all(carrying: variable, value).map(\.pid))
    }

    private static func family(of identity: ProcessIdentity) throws -> [ProcessStatus] {
        guard identity.isAlive else { return [] }
        return try ProcessStatus.family(of: identity.pid)
    }
}

extension ProcessIdentity {
    /// Returns the process whose environment held a variable with this value at its start. Skips processes whose
    /// environment cannot be read (another user's).
    public static func find(variable: String, value: String) throws -> ProcessIdentity? {
        // Its children inherit the variable: the leader of the session is the server.
        try ProcessStatus.all(carrying: variable, value).first { $0.session == $0.pid }
            .flatMap { try of(pid: $0.pid) }
    }
}

extension ProcessStatus {
    /// Returns the running processes that were started with a variable in their environment, as far as this user may
    /// look.
    static func all(carrying variable: String, _ value: String) throws -> [ProcessStatus] {
        let wanted = Array("\(variable)=\(value)".utf8)
        return try all().filter { status in
            guard status.isRunning,
                let environment = try? FilePath("/proc/\(status.pid)/environ").contents(limit: 4 << 20)
            else { return false }
            return environment.split(separator: 0).contains { $0.elementsEqual(wanted) }
        }
    }
}
