// SPDX-License-Identifier: Apache-2.0
import Glibc

extension ServerProcess {
    public enum Stop: Hashable, Sendable {
        case alreadyGone
        /// It ended within the grace period, and all of its session with it.
        case terminated
        case killed
    }

    public enum StopFailure: Error, Hashable, Sendable {
        /// It is not to be known whether it runs, so no signal was sent.
        case unknown(String)
        /// It belongs to somebody else.
        case notPermitted(ProcessIdentity)
        /// SIGKILL did not end it: it hangs in the kernel.
        case survived(ProcessIdentity)
    }

    /// Ends a server and all that it started and that stayed in its session: SIGTERM, `grace`, SIGKILL.
    ///
    /// Only signals when the identity is that of a process that runs now, never a reused pid.
    public static func stop(
        _ identity: ProcessIdentity, grace: Duration, clock: any WallClock
    ) async throws -> Stop {
        switch identity.life {
        case .gone: return .alreadyGone
        case .unknown(let why): throw StopFailure.unknown(why)
        case .running: break
        }
        let server = identity.pid
        guard kill(-server, SIGTERM) == 0 || kill(server, SIGTERM) == 0 else {
            if errno == ESRCH { return .alreadyGone }
            throw StopFailure.notPermitted(identity)
        }
        // A stopped process gets its SIGTERM only once it goes on.
        kill(-server, SIGCONT)
        if try await clock.wait(
            upTo: grace, every: .milliseconds(50), until: { try members(of: identity).isEmpty })
        {
            return .terminated
        }
        let isGone = try await clock.wait(upTo: .seconds(5), every: .milliseconds(50)) {
            let members = try members(of: identity)
            for member in members { kill(member.pid, SIGKILL) }
            return members.isEmpty
        }
        guard isGone else { throw StopFailure.survived(identity) }
        return .killed
    }

    /// The server itself, should it lead no session, and everything in its session. The session's id cannot be given to
    /// another process while a member is left, so as long as there has been one all the time these are its own.
    private static func members(of identity: ProcessIdentity) throws -> [ProcessStatus] {
        try ProcessStatus.all().filter { status in
            guard status.isRunning else { return false }
            return status.session == identity.pid
                || (status.pid == identity.pid && status.startTime == identity.startTime)
        }
    }
}
