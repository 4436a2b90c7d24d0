// SPDX-License-Identifier: Apache-2.0
public import Glibc
import SystemPackage

/// Every process that this one can see, including the numbers that it has in containers.
///
/// For text files that hold nothing but a pid: their writer may have counted in a pid namespace of its own.
public struct ProcessTable: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        /// Its pid here, then in each namespace below that it is in, the innermost last (`NSpid`, proc(5)).
        public var numbers: [pid_t]
        /// Clock ticks from boot to its start.
        public var startTime: UInt64

        public init(numbers: [pid_t], startTime: UInt64) {
            self.numbers = numbers
            self.startTime = startTime
        }

        public var pid: pid_t { numbers.first ?? 0 }
    }

    /// The running processes: no zombies.
    public var entries: [Entry]
    /// The reason why running processes may be missing from the table; nil when it is complete.
    public var gap: String?

    public init(entries: [Entry], gap: String? = nil) {
        self.entries = entries
        self.gap = gap
    }

    /// Returns the processes that have this number in some namespace.
    public func processes(numbered pid: pid_t) -> [Entry] { entries.filter { $0.numbers.contains(pid) } }

    /// PROC_PID_INIT_INO (include/linux/proc_ns.h): the pid namespace that sees all others.
    static let firstNamespace: UInt64 = 0xEFFF_FFFC

    /// - Throws: `FileError` when `/proc` cannot be read.
    public static func current() throws -> ProcessTable {
        var table = ProcessTable(entries: [])
        for status in try ProcessStatus.all() where status.isRunning {
            let numbers = try numbers(of: status.pid)
            if numbers.isEmpty {
                table.gap = "the kernel does not say how containers number their processes"
            }
            table.entries.append(
                Entry(numbers: numbers.isEmpty ? [status.pid] : numbers, startTime: status.startTime))
        }
        if try ProcessIdentity.ownNamespace() != firstNamespace {
            table.gap = "kecsctl runs in a container itself, and does not see every process of the machine"
        } else if !table.entries.contains(where: { $0.pid == 1 }) {
            table.gap = "/proc hides other users' processes (hidepid)"
        }
        return table
    }

    /// Returns the process's numbers. Empty when the kernel does not report them, or when the process has ended
    /// meanwhile.
    private static func numbers(of pid: pid_t) throws -> [pid_t] {
        let bytes: [UInt8]
        do {
            bytes = try FilePath("/proc/\(pid)/status").contents(limit: 64 << 10)
        } catch let error as FileError
            where error.errno == .noSuchFileOrDirectory || error.errno == .noSuchProcess
        {
            return [pid]
        }
        return numbers(inStatus: String(decoding: bytes, as: UTF8.self))
    }

    /// `NSpid:	4711	12	1`
    static func numbers(inStatus text: String) -> [pid_t] {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("NSpid:") }) else {
            return []
        }
        return line.dropFirst(6).split { $0 == "\t" || $0 == " " }.compactMap { pid_t($0) }
    }
}
