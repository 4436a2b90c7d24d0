// SPDX-License-Identifier: Apache-2.0
import Glibc
public import SystemPackage

/// A health check: one GET over plain HTTP/1.1 to this machine. Requests to other machines go through `curl`.
public enum HTTPProbe {
    public struct Answer: Hashable, Sendable {
        public var status: Int
        /// The body, at most its first MiB.
        public var body: [UInt8]
        public var text: String { String(decoding: body, as: UTF8.self) }
    }

    public enum Failure: Error, Hashable, Sendable {
        /// The URL is not `http://`, or its host is neither an address nor `localhost`.
        case notSupported(String)
        /// No process listens there.
        case refused
        case timeout
        /// A process answered, but not in HTTP, or not to the end.
        case notHTTP(String)
        /// Any other system call's failure: "connect: Network is unreachable".
        case failed(String)
    }

    /// Returns true when `get` supports the URL: retrying any other until the limit would be in vain.
    public static func canAsk(_ url: String) -> Bool { HTTPTarget(url) != nil }

    static let bodyLimit = 1 << 20

    /// Blocks for `limit` at most, from connecting to the last byte of the body. Redirections are not followed.
    public static func get(_ url: String, limit: Duration = .seconds(2)) throws(Failure) -> Answer {
        guard let target = HTTPTarget(url) else { throw .notSupported(url) }
        return try ask(target, url, limit)
    }

    /// Sends the same request over a socket in the file system.
    ///
    /// - Parameter path: The path in the address: "/_ping".
    public static func get(
        _ path: String, socket: FilePath, limit: Duration = .seconds(2)
    ) throws(Failure) -> Answer {
        guard let target = HTTPTarget(socket: socket, path: path) else {
            throw .notSupported("\(socket) is too long for a socket")
        }
        return try ask(target, socket.string, limit)
    }

    private static func ask(
        _ target: HTTPTarget, _ name: String, _ limit: Duration
    ) throws(Failure) -> Answer {
        let deadline = SystemClock().elapsed() + limit
        var failure: Failure?
        // A server for `localhost` may listen on only one of its two addresses.
        for address in target.addresses {
            do {
                return try ask(target, at: address, deadline)
            } catch .refused {
                failure = .refused
            } catch .failed(let why) {
                failure = failure ?? .failed(why)
            }
        }
        throw failure ?? .notSupported(name)
    }

    private static func ask(
        _ target: HTTPTarget, at address: SocketAddress, _ deadline: Duration
    ) throws(Failure) -> Answer {
        let connection = socket(
            address.family,
            CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
        guard connection >= 0 else { throw last("socket") }
        defer { close(connection) }
        var code = address.withPointer { connect(connection, $0, $1) }
        while code != 0, errno == EAGAIN {
            // There is no other way to wait for a socket in the file system whose queue is full (connect(2)).
            guard SystemClock().elapsed() < deadline else { throw .timeout }
            usleep(10_000)
            code = address.withPointer { connect(connection, $0, $1) }
        }
        if code != 0 {
            guard errno == EINPROGRESS else { throw last("connect") }
            try wait(connection, POLLOUT, deadline)
            var outcome: CInt = 0
            var size = socklen_t(MemoryLayout<CInt>.size)
            getsockopt(connection, SOL_SOCKET, SO_ERROR, &outcome, &size)
            errno = outcome
            if outcome != 0 { throw last("connect") }
        }
        try send(target.request, to: connection, deadline)
        var reply = HTTPReply()
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(connection, &buffer, buffer.count, 0)
            if count < 0 {
                if errno == EAGAIN {
                    try wait(connection, POLLIN, deadline)
                } else if errno != EINTR {
                    throw errno == ECONNRESET ? .notHTTP("the connection was reset") : last("receive")
                }
            } else if let answer = try reply.take(buffer[..<count]) {
                return answer
            } else if SystemClock().elapsed() >= deadline {
                throw .timeout
            }
        }
    }

    private static func send(_ bytes: [UInt8], to connection: CInt, _ deadline: Duration) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(connection, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                try wait(connection, POLLOUT, deadline)
            } else if errno == EPIPE || errno == ECONNRESET {
                // It may have answered before it hung up: reading shows.
                return
            } else if errno != EINTR {
                throw last("send")
            }
        }
    }

    private static func wait(_ connection: CInt, _ event: CInt, _ deadline: Duration) throws(Failure) {
        while true {
            let left = deadline - SystemClock().elapsed()
            guard left > .zero else { throw .timeout }
            var request = pollfd(fd: connection, events: Int16(event), revents: 0)
            let milliseconds = Int32(clamping: Int((left / .milliseconds(1)).rounded(.up)))
            if poll(&request, 1, milliseconds) > 0 { return }
        }
    }

    private static func last(_ call: String) -> Failure {
        switch errno {
        case ECONNREFUSED: .refused
        case ETIMEDOUT: .timeout
        case let code: .failed("\(call): \(String(cString: strerror(code)))")
        }
    }
}
