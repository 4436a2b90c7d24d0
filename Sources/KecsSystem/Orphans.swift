// SPDX-License-Identifier: Apache-2.0
import Glibc
import SystemPackage

/// Children of a kecsctl that was killed. Each leads a process group of its own, so nothing ends it with its parent: it
/// would continue its work while the next kecsctl repairs things.
public enum Orphans {
    /// The variable in the environment of every child of `SystemProcesses`: `PID:STARTTIME` of its parent.
    public static let variable = "KECSCTL_PARENT"

    static func mark(_ parent: ProcessIdentity) -> String { "\(parent.pid):\(parent.startTime)" }

    /// SIGKILLs the children of a dead process with all their descendants, and waits until none of them runs.
    ///
    /// - Returns: The names of the programs that were ended.
    /// - Throws: `FileError` when `/proc` cannot be read, or when one still exists after a minute.
    @discardableResult
    public static func end(of parent: ProcessIdentity, clock: any WallClock) async throws -> [String] {
        // Nothing is left of another boot. The children of a living process are its own responsibility.
        guard parent.life == .gone, parent.bootId == (try ProcessIdentity.current()).bootId else { return [] }
        var names: Set<String> = []
        var quietLooks = 0
        let areGone = try await clock.wait(upTo: .seconds(60), every: .milliseconds(20)) {
            let children = try ProcessStatus.all(carrying: variable, mark(parent))
            for child in children {
                names.insert(child.name)
                kill(child.pid, SIGKILL)
            }
            // A child that was being started when its parent died gets its own environment only a moment later.
            quietLooks = children.isEmpty ? quietLooks + 1 : 0
            return quietLooks == 3
        }
        guard areGone else { throw FileError("end what a killed kecsctl started below", "/proc", .timedOut) }
        return names.sorted()
    }
}
