// SPDX-License-Identifier: Apache-2.0
import Glibc

extension ServerProcess {
    public enum Stop: Hashable, Sendable {
        case alreadyGone
        /// It ended within the grace period, with its whole session.
        case terminated
        case killed
    }

    public enum StopFailure: Error, Hashable, Sendable {
        /// It is not known whether it runs, so no signal was sent.
        case unknown(String)
        /// It belongs to another user.
        case notPermitted(ProcessIdentity)
        /// SIGKILL did not end it: it hangs in the kernel.
        case survived(ProcessIdentity)
    }

    /// Ends a server and its family: SIGTERM, `grace`, SIGKILL.
    ///
    /// Sends a signal only to the very process of the identity, never to a reused pid.
    public static func stop(
        _ identity: ProcessIdentity, grace: Duration, clock: any WallClock
    ) async throws -> Stop {
        switch identity.life {
        case .gone: return .alreadyGone
        case .unknown(let why): throw StopFailure.unknown(why)
        case .running: break
        }
        let server = identity.pid
        // A child in a session of its own is only known while its parent lives.
        var family = Set(try members(of: identity).map(Member.init))
        func left() throws -> [ProcessStatus] {
            let members = try members(of: identity)
            family.formUnion(members.map(Member.init))
            let others = try family.filter { member in !members.contains { $0.pid == member.pid } }
                .compactMap { try $0.status() }
            return members + others
        }
        guard kill(-server, SIGTERM) == 0 || kill(server, SIGTERM) == 0 else {
            if errno == ESRCH { return .alreadyGone }
            throw StopFailure.notPermitted(identity)
        }
        // A stopped process gets its SIGTERM only once it continues.
        for process in try left() { kill(process.pid, SIGCONT) }
        if try await clock.wait(
            upTo: grace, every: .milliseconds(50), until: { try left().isEmpty })
        {
            return .terminated
        }
        let isGone = try await clock.wait(upTo: .seconds(5), every: .milliseconds(50)) {
            let left = try left()
            for process in left { kill(process.pid, SIGKILL) }
            return left.isEmpty
        }
        guard isGone else { throw StopFailure.survived(identity) }
        return .killed
    }

    /// A process of this boot.
    private struct Member: Hashable {
        let pid: pid_t
        let startTime: UInt64

        init(_ status: ProcessStatus) { (pid, startTime) = (status.pid, status.startTime) }

        /// Nil once it has ended.
        func status() throws -> ProcessStatus? {
            guard let status = try ProcessStatus.of(pid), status.startTime == startTime, status.isRunning
            else { return nil }
            return status
        }
    }

    /// Returns the members of the session. None when the pid now belongs to another process: while a member of the
    /// session is left, no process gets its id.
    private static func members(of identity: ProcessIdentity) throws -> [ProcessStatus] {
        let family = try ProcessStatus.family(of: identity.pid)
        let leader = family.first { $0.pid == identity.pid }
        return leader.map { $0.startTime == identity.startTime } ?? true ? family : []
    }
}
