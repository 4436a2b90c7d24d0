// SPDX-License-Identifier: Apache-2.0
public import Glibc
public import SystemPackage

/// Finds the process that listens on a socket in the file system, as the kernel reports it.
public enum SocketPeer {
    /// Returns the process that made the socket: systemd, if systemd made it. Nil when no process answers, or when it
    /// runs in a pid namespace that cannot be seen from here.
    public static func process(of socket: FilePath) throws -> (pid: pid_t, name: String)? {
        guard let address = SocketAddress(socket: socket) else { return nil }
        let connection = Glibc.socket(
            AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue),
            0)
        guard connection >= 0 else { throw FileError.last("make a socket for", socket) }
        defer { close(connection) }
        guard address.withPointer({ connect(connection, $0, $1) }) == 0 else { return nil }
        // struct ucred, socket(7): pid, uid and gid.
        var credentials: [Int32] = [0, 0, 0]
        var size = socklen_t(MemoryLayout<Int32>.size * credentials.count)
        guard getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0, credentials[0] > 0,
            let status = try ProcessStatus.of(credentials[0])
        else { return nil }
        return (status.pid, status.name)
    }
}
