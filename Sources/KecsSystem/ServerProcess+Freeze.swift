// SPDX-License-Identifier: Apache-2.0
public import Glibc
import SystemPackage

extension ServerProcess {
    public struct FreezeFailure: Error, Hashable, Sendable, CustomStringConvertible {
        public let pid: Int32
        public var description: String { "process \(pid) could not be paused" }
    }

    /// Whether the server itself is stopped by a signal.
    public static func isFrozen(_ identity: ProcessIdentity) throws -> Bool {
        try ProcessStatus.of(identity.pid)?.isStopped ?? false
    }

    /// SIGSTOP to the server and everything of its family, again until nothing new has appeared and all stand still: a
    /// process may fork between being listed and being stopped.
    ///
    /// - Throws: `FreezeFailure` when they do not within two seconds, for example because one hangs in the kernel; all go
    ///   on then.
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

    /// SIGCONT to the same; harmless for those who run.
    public static func thaw(_ identity: ProcessIdentity) throws {
        for process in try family(of: identity) { kill(process.pid, SIGCONT) }
    }

    /// The server with its family, and whatever else inherited a variable from it, as far as this user may look: what
    /// made itself a daemon is in no family any more.
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
    /// The process whose environment, as it was given at its start, holds a variable with this value. Processes whose
    /// environment cannot be read (another user's) are passed over.
    public static func find(variable: String, value: String) throws -> ProcessIdentity? {
        // Its children inherit the variable: the leader of the session is the server.
        try ProcessStatus.all(carrying: variable, value).first { $0.session == $0.pid }
            .flatMap { try of(pid: $0.pid) }
    }
}

extension ProcessStatus {
    /// Those that run and were started with a variable in their environment, as far as this user may look.
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
