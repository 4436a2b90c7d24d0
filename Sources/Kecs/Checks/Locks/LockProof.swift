// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Glibc
import KecsStorage
import KecsSystem
import SystemPackage

/// Whether a lock file's owner is alive: by the locks that the kernel holds on it, then by what its text says.
struct LockProof: Sendable, Hashable {
    enum Verdict: Sendable, Hashable { case held, stale, unknown }

    var verdict: Verdict
    var why: String
    /// The file's text, for taking its removal back.
    var contents: String

    static func of(_ file: FilePath, status: FileStatus) throws -> LockProof {
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
        let (verdict, why) = judge(text, bytes, writtenAt: status.modified)
        return LockProof(verdict: verdict, why: why, contents: text)
    }

    static func judge(_ text: String, _ bytes: [UInt8], writtenAt: Moment) -> (Verdict, String) {
        let identity: ProcessIdentity
        guard let exact = try? JSONDecoder().decode(ProcessIdentity.self, from: Data(bytes)) else {
            // A bare pid, alone or as "pid" of a JSON object: only other facts can tell whose it is.
            let number = text.split { !$0.isASCII || !$0.isNumber }.first.flatMap { pid_t($0) }
            guard let pid = number, pid > 0 else { return (.unknown, "it does not say whose it is") }
            return judge(pid: pid, writtenAt: writtenAt)
        }
        identity = exact
        switch identity.life {
        case .running: return (.held, "process \(identity.pid) runs")
        case .unknown(let why): return (.unknown, why)
        case .gone: return (.stale, "process \(identity.pid) of that boot has ended")
        }
    }

    /// A process that started after the file was written cannot have written it. A missing one proves nothing when the
    /// number may be counted in a container.
    static func judge(pid: pid_t, writtenAt: Moment) -> (Verdict, String) {
        do {
            let boot = try bootTime()
            if writtenAt < boot - .seconds(2) {
                return (.stale, "it was written before this machine was booted (\(boot))")
            }
            guard let identity = try ProcessIdentity.of(pid: pid) else {
                return mayBeOfContainer()
                    ? (.unknown, "there is no process \(pid) here, but containers count their own")
                    : (.stale, "there is no process \(pid)")
            }
            guard identity.isAlive else { return (.stale, "process \(pid) has ended") }
            let ticks = Int64(max(1, sysconf(Int32(_SC_CLK_TCK))))
            let started = boot + .milliseconds(Int64(identity.startTime) * 1000 / ticks)
            // The boot's moment is known to a second, and clocks are corrected.
            if started > writtenAt + .seconds(5) {
                return (
                    .stale,
                    "process \(pid) started at \(started), after the file was written: the number was used again"
                )
            }
            return (.held, "process \(pid) runs")
        } catch {
            return (.unknown, "\(error)")
        }
    }

    /// Whether processes of other pid namespaces run on this machine.
    private static func mayBeOfContainer() -> Bool {
        func namespace(_ link: FilePath) -> [UInt8]? { try? link.linkTarget() }
        guard let own = namespace("/proc/self/ns/pid"), let names = try? FilePath("/proc").entries() else {
            return true
        }
        return names.contains { name in
            guard pid_t(name.string) != nil else { return false }
            return namespace(
                FilePath("/proc").appending(name).appending(
                    "ns/pid".split(separator: "/").compactMap { FilePath.Component(String($0)) })
            ).map { $0 != own } ?? false
        }
    }

    private static func bootTime() throws -> Moment {
        let text = String(decoding: try FilePath("/proc/stat").contents(), as: UTF8.self)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
            let seconds = Int64(line.dropFirst(6))
        else { throw CannotTell("/proc/stat does not say when this machine was booted") }
        return Moment(seconds: seconds)
    }

    /// A lock of any kind that somebody holds on the file, as a sentence; nil when there is none. Only looked up: trying
    /// the lock could make its owner's own attempt fail.
    private static func kernelLock(on file: FilePath) throws -> String? {
        guard let status = try FileStatus.of(file) else { return nil }
        return holder(
            ofInode: status.inode, in: String(decoding: try FilePath("/proc/locks").contents(), as: UTF8.self)
        )
    }

    /// `3: FLOCK  ADVISORY  WRITE 812 fd:01:4711 0 EOF`, proc(5). Devices are not compared: overlay and btrfs show
    /// others here than stat does, and a lock too many only means that nothing is removed.
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
