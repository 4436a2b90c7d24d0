// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import Synchronization
public import SystemPackage

/// A server on this machine that answers every call the same way, or never: for tests of clients that must not wait for
/// it.
public final class TestServer: Sendable {
    public enum Manner: Sendable {
        /// Sends exactly this text once the request is there; then the connection ends.
        case answers(String)
        /// Accepts calls, reads them, and sends nothing for as long as it lives.
        case hangs
        /// Accepts no call, and lets them queue, as a stopped process does.
        case doesNotAccept
    }

    public struct Failure: Error, Sendable {
        public let what: String
    }

    /// The port; 0 for a socket in the file system.
    public let port: UInt16
    private let listener: CInt
    private let thread: Threads.Joinable?
    private let state = Shared()

    private final class Shared: Sendable {
        let requests = Mutex<[String]>([])
        let held = Mutex<[CInt]>([])
    }

    /// Creates a server on a port of 127.0.0.1 that the kernel chooses.
    public convenience init(_ manner: Manner) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let listener = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 16) == 0
                    && getsockname(listener, $0, &size) == 0
            }
        }
        guard isBound else { throw Failure(what: "listen on 127.0.0.1") }
        try self.init(listener, UInt16(bigEndian: address.sin_port), manner)
    }

    /// Creates a server on a socket in the file system, which must not exist yet.
    public convenience init(socket path: FilePath, _ manner: Manner) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.string.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw Failure(what: "\(path) is too long for a socket")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let listener = Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        // A queue of one is full at once.
        var backlog: CInt = 16
        if case .doesNotAccept = manner { backlog = 0 }
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, backlog) == 0
            }
        }
        guard isBound else { throw Failure(what: "listen on \(path)") }
        try self.init(listener, 0, manner)
    }

    private init(_ listener: CInt, _ port: UInt16, _ manner: Manner) throws {
        self.listener = listener
        self.port = port
        if case .doesNotAccept = manner {
            thread = nil
            return
        }
        thread = try Threads.joinable(name: "test-server") { [state] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else {
                    if errno == EINTR || errno == ECONNABORTED { continue }
                    return
                }
                // A connection on which nothing comes is not to keep the others waiting.
                var limit = timeval(tv_sec: 10, tv_usec: 0)
                setsockopt(
                    connection, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
                let request = Self.request(on: connection)
                state.requests.withLock { $0.append(request) }
                switch manner {
                case .answers(let text):
                    let bytes = Array(text.utf8)
                    _ = send(connection, bytes, bytes.count, CInt(MSG_NOSIGNAL))
                    close(connection)
                case .hangs, .doesNotAccept: state.held.withLock { $0.append(connection) }
                }
            }
        }
    }

    /// The requests with their bodies, as far as they were received.
    public var requests: [String] { state.requests.withLock { $0 } }

    /// Reads a request, up to the end of the body that its head announces.
    private static func request(on connection: CInt) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let text = String(decoding: bytes, as: UTF8.self)
            if let end = text.firstRange(of: "\r\n\r\n") {
                let head = text[..<end.lowerBound].lowercased()
                let length = head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
                    .flatMap { Int($0.dropFirst(15).filter { $0 != " " }) }
                if text[end.upperBound...].utf8.count >= length ?? 0 { return text }
            }
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return text }
            bytes += buffer[..<count]
        }
    }

    deinit {
        // Wakes the thread that waits for a connection.
        shutdown(listener, CInt(SHUT_RDWR))
        thread?.join()
        close(listener)
        for connection in state.held.withLock({ $0 }) { close(connection) }
    }
}
