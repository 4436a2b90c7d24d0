// SPDX-License-Identifier: Apache-2.0
public import Glibc
public import SystemPackage

/// TCP ports of this machine.
public enum Ports {
    public struct Holder: Hashable, Sendable {
        public var pid: pid_t
        /// Its command line, or its name in brackets when it has none.
        public var command: String
    }

    public struct Failure: Error, Hashable, Sendable {
        /// "bind 127.0.0.1:80"
        public let operation: String
        public let errno: Errno

        public init(operation: String, errno: Errno) {
            self.operation = operation
            self.errno = errno
        }
    }

    /// Whether a server could listen there now, tried out by taking the port for a moment.
    ///
    /// It does not listen itself: Linux lets any number of sockets take one port with `SO_REUSEADDR` while none of them
    /// listens (socket(7)), so two processes that look at the same moment do not hold each other for a server.
    ///
    /// - Parameter address: In numbers. `0.0.0.0` counts as taken when the port of any IPv4 address is.
    /// - Throws: `Failure` when that cannot be determined: no such address here, or no right to the port.
    public static func isFree(_ port: UInt16, address: String = "127.0.0.1") throws -> Bool {
        guard let target = SocketAddress(address, port: port) else {
            throw Failure(operation: "bind \(address):\(port)", errno: .invalidArgument)
        }
        let server = socket(target.family, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard server >= 0 else { throw last("socket") }
        defer { close(server) }
        var yes: CInt = 1
        // A server's old connections block the port for a minute unless this is set, as every server sets it.
        setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        if target.family == AF_INET6 {
            setsockopt(server, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &yes, socklen_t(MemoryLayout<CInt>.size))
        }
        guard target.withPointer({ bind(server, $0, $1) }) == 0 else {
            if errno == EADDRINUSE { return false }
            throw last("bind \(address):\(port)")
        }
        return true
    }

    /// Returns the process that listens on the port, on any address.
    ///
    /// - Returns: Nil when no process does, or when it cannot be determined: another user's process, another
    ///   container's.
    public static func holder(of port: UInt16) -> Holder? {
        let sockets = Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap { listeners(in: FilePath($0), port) })
        guard !sockets.isEmpty, let names = try? FilePath("/proc").entries() else { return nil }
        for pid in names.compactMap({ pid_t($0.string) }) {
            let folder = FilePath("/proc/\(pid)/fd")
            guard let descriptors = try? folder.entries() else { continue }
            for descriptor in descriptors where sockets.contains(link(folder.appending(descriptor))) {
                return Holder(pid: pid, command: command(of: pid))
            }
        }
        return nil
    }

    /// - Returns: The links of the listening sockets' descriptors: `socket:[4711]`.
    private static func listeners(in table: FilePath, _ port: UInt16) -> [String] {
        guard let bytes = try? table.contents() else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
            // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode (proc(5)); 0A is TCP_LISTEN.
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == "0A",
                let number = fields[1].split(separator: ":").last, UInt16(number, radix: 16) == port
            else { return nil }
            return "socket:[\(fields[9])]"
        }
    }

    private static func link(_ path: FilePath) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        let count = path.withPlatformString { readlink($0, &buffer, buffer.count) }
        return String(decoding: buffer.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Returns the command line, quoted, or the name in brackets when the command line is empty or not available.
    static func command(of pid: pid_t) -> String {
        let words = ((try? FilePath("/proc/\(pid)/cmdline").contents()) ?? []).split(separator: 0)
        if !words.isEmpty { return ShellWords.quote(words.map { String(decoding: $0, as: UTF8.self) }) }
        let name = (try? ProcessStatus.of(pid))??.name
        return "[\(name ?? "?")]"
    }

    private static func last(_ operation: String) -> Failure {
        Failure(operation: operation, errno: Errno(rawValue: Glibc.errno))
    }
}
