// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization

/// A process and the processes it started, as far as they stayed in its group. The id cannot be reused while a member,
/// or the leader's zombie, is left.
struct ProcessGroup: Hashable, Sendable {
    let id: pid_t

    func terminate() {
        kill(-id, SIGTERM)
        // A stopped process gets its SIGTERM only once it continues.
        kill(-id, SIGCONT)
    }

    func killAtOnce() { kill(-id, SIGKILL) }

    /// Returns true when a member still runs. Zombies do not, though kill(2) finds them.
    func hasRunningMembers() -> Bool {
        guard kill(-id, 0) == 0 || errno == EPERM else { return false }
        do {
            return try ProcessStatus.all().contains { $0.group == id && $0.isRunning }
        } catch {
            return true
        }
    }

    // MARK: - The groups of all running calls

    private static let live = Mutex<Set<ProcessGroup>>([])

    func register() { Self.live.withLock { _ = $0.insert(self) } }
    /// Removes the group from the live ones. Call it before the leader is reaped, while the id is still ours.
    func unregister() { Self.live.withLock { _ = $0.remove(self) } }

    static func killAllRegistered() {
        live.withLock { groups in
            for group in groups { group.killAtOnce() }
        }
    }
}
