// SPDX-License-Identifier: Apache-2.0
import Glibc
import SystemPackage

/// The kernel's facts about a process in `/proc/PID/stat`; proc(5) numbers the fields.
struct ProcessStatus: Hashable, Sendable {
    let pid: pid_t
    /// The name, cut to 15 bytes by the kernel. It may hold anything, `)` and newlines included.
    let name: String
    private let state: UInt8
    let parent: pid_t
    let group: pid_t
    let session: pid_t
    /// Clock ticks since boot (field 22): together with the pid it names one process of this boot.
    let startTime: UInt64

    /// False for a zombie: it only waits for its parent to collect its exit status, which PID 1 of a container may
    /// never do.
    var isRunning: Bool { state != UInt8(ascii: "Z") && state != UInt8(ascii: "X") }

    /// Stopped by SIGSTOP or the like, or by a debugger.
    var isStopped: Bool { state == UInt8(ascii: "T") || state == UInt8(ascii: "t") }

    /// - Returns: Nil when there is no such process.
    /// - Throws: `FileError` when `/proc` cannot be read, which proves nothing about the process.
    static func of(_ pid: pid_t) throws -> ProcessStatus? {
        do {
            return ProcessStatus(line: try FilePath("/proc/\(pid)/stat").contents(limit: 64 << 10))
        } catch let error as FileError
            where error.errno == .noSuchFileOrDirectory || error.errno == .noSuchProcess
        {
            guard try FilePath("/proc/self/stat").isPresent else {
                throw FileError("read", "/proc/self/stat", .noSuchFileOrDirectory)
            }
            return nil
        }
    }

    /// Returns every process that this one can see.
    static func all() throws -> [ProcessStatus] {
        try FilePath("/proc").entries().compactMap { name in
            guard let pid = pid_t(name.string) else { return nil }
            return try of(pid)
        }
    }

    /// Returns the running processes of the session that a process leads, and their descendants in sessions of their
    /// own: PostgreSQL gives one to each of its children.
    static func family(of leader: pid_t) throws -> [ProcessStatus] {
        var rest = try all().filter(\.isRunning)
        var found: [ProcessStatus] = []
        var known: Set<pid_t> = [leader]
        while true {
            let split = rest.partition {
                $0.session == leader || $0.pid == leader || known.contains($0.parent)
            }
            guard split < rest.endIndex else { return found }
            known.formUnion(rest[split...].map(\.pid))
            found += rest[split...]
            rest.removeSubrange(split...)
        }
    }

    init?(line: [UInt8]) {
        // Only the name may hold a parenthesis, so the last `)` ends it.
        guard let open = line.firstIndex(of: UInt8(ascii: "(")),
            let close = line.lastIndex(of: UInt8(ascii: ")")), open < close,
            let pid = pid_t(String(decoding: line[..<open], as: UTF8.self).trimmingSpaces())
        else { return nil }
        let fields = line[(close + 1)...].split(whereSeparator: { $0 == 0x20 || $0 == 0x0A })
            .map { String(decoding: $0, as: UTF8.self) }
        // The field after the name is number 3.
        guard fields.count > 22 - 3, let state = fields[0].utf8.first,
            let parent = pid_t(fields[4 - 3]), let group = pid_t(fields[5 - 3]),
            let session = pid_t(fields[6 - 3]),
            let startTime = UInt64(fields[22 - 3])
        else { return nil }
        self.pid = pid
        self.name = String(decoding: line[(open + 1)..<close], as: UTF8.self)
        self.state = state
        self.parent = parent
        self.group = group
        self.session = session
        self.startTime = startTime
    }
}

extension String {
    fileprivate func trimmingSpaces() -> Substring {
        self[...].drop { $0 == " " }.prefix { $0 != " " }
    }
}
