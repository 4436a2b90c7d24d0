// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Glibc
import Kecs
import KecsSystem
import SystemPackage

/// The proof whether a lock file's owner is alive: by the locks that the kernel holds on it, then by its text.
struct LockProof: Sendable, Hashable {
    enum Verdict: Sendable, Hashable { case held, stale, unknown }

    var verdict: Verdict
    var why: String
    /// The file's text, to undo its removal.
    var contents: String

    /// - Parameters:
    ///   - kind: The kind of file system when other machines may see the file too: then nothing here proves that no
    ///     process holds it.
    ///   - table: The processes of this machine.
    static func of(
        _ file: FilePath, status: FileStatus, sharedBy kind: String? = nil,
        table: () throws -> ProcessTable = ProcessTable.current
    ) throws -> LockProof {
        guard status.size <= 64 << 10 else {
            return LockProof(verdict: .unknown, why: "it is too large for a lock file", contents: "")
        }
        if let holder = try kernelLock(on: file) {
            return LockProof(verdict: .held, why: holder, contents: "")
        }
        let bytes = try file.contents(limit: 64 << 10)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return LockProof(verdict: .unknown, why: "its content is not text", contents: "")
        }
        var (verdict, why) = judge(text, bytes, writtenAt: status.modified, table)
        if verdict == .stale, let kind {
            verdict = .unknown
            why += "; but it lies on \(kind), where a process of another machine may hold it"
        }
        return LockProof(verdict: verdict, why: why, contents: text)
    }

    static func judge(
        _ text: String, _ bytes: [UInt8], writtenAt: Moment,
        _ table: () throws -> ProcessTable = ProcessTable.current
    ) -> (Verdict, String) {
        guard let identity = try? JSONDecoder().decode(ProcessIdentity.self, from: Data(bytes)) else {
            // A bare pid, alone or as "pid" of a JSON object: only other facts can identify its process.
            let number = text.split { !$0.isASCII || !$0.isNumber }.first.flatMap { pid_t($0) }
            guard let pid = number, pid > 0 else { return (.unknown, "it does not say whose it is") }
            do {
                return judge(pid: pid, writtenAt: writtenAt, boot: try bootTime(), try table())
            } catch {
                return (.unknown, "\(error)")
            }
        }
        switch identity.life {
        case .running: return (.held, "process \(identity.pid) runs")
        case .unknown(let why): return (.unknown, why)
        case .gone: return (.stale, "process \(identity.pid) of that boot has ended")
        }
    }

    /// Judges by the start of processes. One that started after the file was written cannot have written it. Any other
    /// with the number, here or in a container, may have.
    static func judge(
        pid: pid_t, writtenAt: Moment, boot: Moment, _ table: ProcessTable
    ) -> (Verdict, String) {
        if writtenAt < boot - .seconds(2) {
            return (.stale, "it was written before this machine was booted (\(boot))")
        }
        let ticks = Int64(max(1, sysconf(Int32(_SC_CLK_TCK))))
        func started(_ entry: ProcessTable.Entry) -> Moment {
            boot + .milliseconds(Int64(entry.startTime) * 1000 / ticks)
        }
        let all = table.processes(numbered: pid)
        // The boot's moment is known to a second, and clocks are corrected.
        if let holder = all.first(where: { started($0) <= writtenAt + .seconds(5) }) {
            return (
                .held,
                holder.pid == pid
                    ? "process \(pid) runs" : "process \(pid) of a container runs, here as \(holder.pid)"
            )
        }
        if let gap = table.gap { return (.unknown, "there is no process \(pid) to be seen, but \(gap)") }
        guard let later = all.first else {
            return (.stale, "there is no process \(pid), neither here nor in a container")
        }
        return (
            .stale,
            "process \(pid) started at \(started(later)), after the file was written: the number was used again"
        )
    }

    static func bootTime() throws -> Moment {
        let text = String(decoding: try FilePath("/proc/stat").contents(), as: UTF8.self)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
            let seconds = Int64(line.dropFirst(6))
        else { throw CannotTell("/proc/stat does not say when this machine was booted") }
        return Moment(seconds: seconds)
    }

    /// Returns a sentence about a lock of any kind that a process holds on the file; nil when there is none. Only looks
    /// locks up: trying the lock could make its owner's own attempt fail.
    private static func kernelLock(on file: FilePath) throws -> String? {
        guard let status = try FileStatus.of(file) else { return nil }
        return holder(
            ofInode: status.inode, in: String(decoding: try FilePath("/proc/locks").contents(), as: UTF8.self)
        )
    }

    /// Finds the holder in `3: FLOCK  ADVISORY  WRITE 812 fd:01:4711 0 EOF`, proc(5). Devices are not compared: overlay
    /// and btrfs show others here than stat does, and a lock too many only means that nothing is removed.
    static func holder(ofInode inode: UInt64, in locks: String) -> String? {
        for line in locks.split(separator: "\n") {
            let fields = line.split(separator: " ").filter { $0 != "->" }
            guard fields.count > 5, fields[5].split(separator: ":").last.flatMap({ UInt64($0) }) == inode
            else {
                continue
            }
            return "process \(fields[4]) holds a lock on it"
        }
        return nil
    }
}
