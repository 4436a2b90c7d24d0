// SPDX-License-Identifier: Apache-2.0
import Glibc
import SystemPackage

/// Children of a kecsctl that was killed: each leads a process group of its own, so nothing ends them with it, and what
/// they were told to do would still be done while the next kecsctl puts things right.
public enum Orphans {
    /// In the environment of every child of `SystemProcesses`: `PID:STARTTIME` of who started it.
    public static let variable = "KECSCTL_PARENT"

    static func mark(_ parent: ProcessIdentity) -> String { "\(parent.pid):\(parent.startTime)" }

    /// SIGKILLs what a dead process started, with all that came of it, and waits until nothing of it runs.
    ///
    /// - Returns: The names of the programs that were ended.
    /// - Throws: `FileError` when `/proc` cannot be read, or when one is still there after a minute.
    @discardableResult
    public static func end(of parent: ProcessIdentity, clock: any WallClock) async throws -> [String] {
        // Of another boot nothing is left; of a process that lives, the children are its own affair.
        guard parent.life == .gone, parent.bootId == (try ProcessIdentity.current()).bootId else { return [] }
        var names: Set<String> = []
        var quietLooks = 0
        let areGone = try await clock.wait(upTo: .seconds(60), every: .milliseconds(20)) {
            let children = try ProcessStatus.all(carrying: variable, mark(parent))
            for child in children {
                names.insert(child.name)
                kill(child.pid, SIGKILL)
            }
            // One that was being started when its parent died has its own environment only a moment later.
            quietLooks = children.isEmpty ? quietLooks + 1 : 0
            return quietLooks == 3
        }
        guard areGone else { throw FileError("end what a killed kecsctl started below", "/proc", .timedOut) }
        return names.sorted()
    }
}
