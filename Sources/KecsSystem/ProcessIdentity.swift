// SPDX-License-Identifier: Apache-2.0
public import Glibc
import SystemPackage

/// The identity of a process of one boot: a pid alone is given to another process sooner or later.
///
/// In JSON: `{"pid":812,"startTime":40211,"bootId":"6a1f…","pidNamespace":4026531836}`.
public struct ProcessIdentity: Hashable, Sendable, Codable {
    public var pid: pid_t
    /// Clock ticks from boot to the process's start.
    public var startTime: UInt64
    public var bootId: String
    /// The inode of the pid namespace in which `pid` is counted. All containers of a host share its boot id.
    public var pidNamespace: UInt64

    public enum Life: Hashable, Sendable {
        case running
        /// It has ended, even if it was never waited for; its pid may belong to another process by now.
        case gone
        /// It was seen in a namespace that cannot be examined, or `/proc` does not answer.
        case unknown(String)
    }

    public init(pid: pid_t, startTime: UInt64, bootId: String, pidNamespace: UInt64) {
        self.pid = pid
        self.startTime = startTime
        self.bootId = bootId
        self.pidNamespace = pidNamespace
    }

    /// - Returns: Nil when there is no such process. A zombie still has an identity.
    /// - Throws: `FileError` when `/proc` cannot be read.
    public static func of(pid: pid_t) throws -> ProcessIdentity? {
        guard let status = try ProcessStatus.of(pid) else { return nil }
        return ProcessIdentity(
            pid: pid, startTime: status.startTime, bootId: try currentBoot(), pidNamespace: try ownNamespace()
        )
    }

    /// Returns a process's name, cut to 15 bytes by the kernel; nil when it has ended or `/proc` does not answer.
    public static func name(of pid: pid_t) -> String? { (try? ProcessStatus.of(pid))?.name }

    public static func current() throws -> ProcessIdentity {
        guard let identity = try of(pid: getpid()) else {
            throw FileError("find this process in", "/proc", .noSuchProcess)
        }
        return identity
    }

    /// Only `gone` is proof that the process has ended.
    public var life: Life {
        do {
            guard try Self.currentBoot() == bootId else { return .gone }
            guard try Self.ownNamespace() == pidNamespace else {
                return .unknown("process \(pid) was started in another container or pid namespace")
            }
            guard let status = try ProcessStatus.of(pid) else { return .gone }
            return status.isRunning && status.startTime == startTime ? .running : .gone
        } catch {
            return .unknown("\(error)")
        }
    }

    /// True only when this very process is seen running.
    public var isAlive: Bool { life == .running }

    private static func currentBoot() throws -> String {
        let text = String(
            decoding: try FilePath("/proc/sys/kernel/random/boot_id").contents(limit: 4096), as: UTF8.self)
        return String(text.prefix { !$0.isNewline })
    }

    static func ownNamespace() throws -> UInt64 {
        let link: FilePath = "/proc/self/ns/pid"
        var raw = Glibc.stat()
        guard link.withPlatformString({ stat($0, &raw) }) == 0 else {
            throw FileError.last("look at", link)
        }
        return UInt64(raw.st_ino)
    }
}
