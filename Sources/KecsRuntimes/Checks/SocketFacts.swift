// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Kecs
import KecsSystem
public import SystemPackage

/// docker's socket as the file system shows it.
public struct SocketFacts: Sendable, Hashable {
    public enum Condition: Sendable, Hashable { case ok, missing, notSocket, denied }

    public var path: FilePath
    public var condition: Condition
    public var owner: UInt32
    public var group: UInt32
    public var mode: UInt32

    public init(
        path: FilePath, condition: Condition, owner: UInt32 = 0, group: UInt32 = 0, mode: UInt32 = 0o660
    ) {
        self.path = path
        self.condition = condition
        self.owner = owner
        self.group = group
        self.mode = mode
    }

    /// Returns the facts; nil when docker is not reached through a socket of this machine: `tcp://`, `ssh://`.
    static func of(_ environment: [String: String]) -> SocketFacts? {
        of(environment["DOCKER_HOST"].flatMap { $0.isEmpty ? nil : $0 })
    }

    /// - Parameter host: As `DOCKER_HOST` spells it; nil means docker's default.
    static func of(_ host: String?) -> SocketFacts? {
        let host = host ?? "unix:///var/run/docker.sock"
        guard host.hasPrefix("unix://") else { return nil }
        return of(FilePath(String(host.dropFirst(7))))
    }

    static func of(_ path: FilePath) -> SocketFacts {
        var raw = Glibc.stat()
        guard path.withPlatformString({ paths_stat($0, &raw) }) == 0 else {
            return SocketFacts(path: path, condition: errno == EACCES ? .denied : .missing)
        }
        let status = FileStatus(raw)
        // Checks as the user who calls docker: access(2) would check for the one who called sudo.
        let may = path.withPlatformString { paths_access($0, R_OK | W_OK) } == 0
        return SocketFacts(
            path: path, condition: status.kind != .socket ? .notSocket : may ? .ok : .denied,
            owner: status.owner, group: status.group, mode: status.mode)
    }

    /// The group's name in `/etc/group`, or its number.
    var groupName: String {
        guard let bytes = try? FilePath("/etc/group").contents(limit: 1 << 20) else { return "\(group)" }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            if fields.count > 2, fields[2] == "\(group)" { return String(fields[0]) }
        }
        return "\(group)"
    }
}
