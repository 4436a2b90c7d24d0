// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsTesting
import Synchronization
import SystemPackage
import Testing

@testable import KecsSystem

@Suite struct HTTPProbeTests {
    @Test(arguments: [200, 503, 404])
    func `status and body are the server's`(status: Int) throws {
        let server = try Server(["HTTP/1.1 \(status) X\r\nContent-Length: 5\r\n\r\nhello"], staysOpen: true)
        let answer = try HTTPProbe.get("http://127.0.0.1:\(server.port)/health?deep=1")
        #expect(answer.status == status)
        #expect(answer.text == "hello")
        #expect(
            server.request
                == "GET /health?deep=1 HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\nUser-Agent: kecsctl\r\n"
                + "Accept: */*\r\nConnection: close\r\n\r\n")
    }

    @Test(arguments: [
        ["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", "world"],
        ["HT", "TP/1.0 200 OK\r\nServer: x\r", "\n\r", "\nhello", "world"],
        [
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel", "lo\r\n5;x=1\r\nworld\r",
            "\n0\r\n\r\n",
        ],
        [
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
            "helloworld",
        ],
    ])
    func `a reply may come in pieces`(pieces: [String]) throws {
        let server = try Server(pieces)
        #expect(try HTTPProbe.get("http://localhost:\(server.port)").text == "helloworld")
        #expect(server.request.hasPrefix("GET / HTTP/1.1\r\n"))
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhelloworld",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhelloworld",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5;x\r\nworld\r\n0\r\n\r\n",
    ])
    func `wherever a reply is split, it is the same`(reply: String) throws {
        let bytes = Array(reply.utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                var parser = HTTPReply()
                var answer: HTTPProbe.Answer?
                for piece in [bytes[..<first], bytes[first..<second], bytes[second...]]
                where answer == nil && !piece.isEmpty {
                    answer = try parser.take(piece)
                }
                guard answer?.status == 200, answer?.text == "helloworld" else {
                    Issue.record("split at \(first) and \(second): \(String(describing: answer))")
                    return
                }
            }
        }
    }

    @Test func `an answer without a body ends at its head`() throws {
        let server = try Server(["HTTP/1.1 204 No Content\r\n\r\n"], staysOpen: true)
        #expect(
            try HTTPProbe.get("http://127.0.0.1:\(server.port)/") == HTTPProbe.Answer(status: 204, body: []))
    }

    @Test func `a body without end is cut at 1 MiB`() throws {
        let piece = String(repeating: "x", count: 3 << 20)
        let server = try Server(["HTTP/1.1 200 OK\r\n\r\n" + piece], staysOpen: true)
        #expect(try HTTPProbe.get("http://127.0.0.1:\(server.port)/").body.count == 1 << 20)
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH_9.2\r\n", "", "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "\u{0}\u{1}\u{2}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 70_000),
    ])
    func `garbage is not HTTP`(reply: String) throws {
        let server = try Server([reply])
        let error = #expect(throws: HTTPProbe.Failure.self) {
            try HTTPProbe.get("http://127.0.0.1:\(server.port)/")
        }
        guard case .notHTTP = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `nobody listening is refused`() throws {
        let port = try Server([]).port
        #expect(throws: HTTPProbe.Failure.refused) { try HTTPProbe.get("http://127.0.0.1:\(port)/") }
        #expect(throws: HTTPProbe.Failure.refused) { try HTTPProbe.get("http://localhost:\(port)/") }
    }

    @Test(arguments: [[], ["HTTP/1.1 200 OK\r\n"], ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"]])
    func `a server that hangs is given up after the limit`(pieces: [String]) throws {
        let server = try Server(pieces, staysOpen: true)
        let start = SystemClock().elapsed()
        #expect(throws: HTTPProbe.Failure.timeout) {
            try HTTPProbe.get("http://127.0.0.1:\(server.port)/", limit: .milliseconds(150))
        }
        let time = SystemClock().elapsed() - start
        #expect(time >= .milliseconds(150) && time < .seconds(5))
    }

    @Test(arguments: [
        "https://127.0.0.1/", "ftp://127.0.0.1/", "127.0.0.1:80", "http://example.com/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:99999/", "http://", "http://127.0.0.1/a b", "http://127.0.0.1/\r\nX: y", "",
    ])
    func `what is no plain local URL is not asked`(url: String) {
        #expect(throws: HTTPProbe.Failure.notSupported(url)) { try HTTPProbe.get(url) }
    }

    @Test func `a socket in the file system is asked the same way`() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending("s")
            let server = try TestServer(
                socket: path, .answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"))
            #expect(try HTTPProbe.get("/_ping", socket: path, limit: .seconds(30)).text == "OK")
            #expect(server.requests.first?.hasPrefix("GET /_ping HTTP/1.1\r\nHost: localhost\r\n") == true)
            #expect(throws: HTTPProbe.Failure.self) {
                try HTTPProbe.get("/_ping", socket: folder.appending("none"))
            }
            let long = FilePath("/" + String(repeating: "x", count: 108))
            #expect(throws: HTTPProbe.Failure.notSupported("\(long) is too long for a socket")) {
                try HTTPProbe.get("/_ping", socket: long)
            }
        }
    }

    @Test func `a socket that nobody listens on any more is refused, one that nobody serves is given up`()
        throws
    {
        try withTemporaryFolder { folder in
            let path = folder.appending("s")
            do { _ = try TestServer(socket: path, .hangs) }
            #expect(throws: HTTPProbe.Failure.refused) { try HTTPProbe.get("/", socket: path) }
            let other = folder.appending("t")
            let server = try TestServer(socket: other, .doesNotAccept)
            // The first one waits in the queue, which is full then: the second one is not even let in.
            let first = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
            defer { close(first) }
            let address = try #require(SocketAddress(socket: other))
            #expect(address.withPointer { connect(first, $0, $1) } == 0)
            #expect(throws: HTTPProbe.Failure.timeout) {
                try HTTPProbe.get("/", socket: other, limit: .milliseconds(50))
            }
            withExtendedLifetime(server) {}
        }
    }

    @Test func `IPv6 works where there is any`() throws {
        guard let server = try? Server(["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], address: "::1")
        else { return }
        #expect(try HTTPProbe.get("http://[::1]:\(server.port)/").status == 200)
        #expect(server.request.contains("Host: [::1]:\(server.port)\r\n"))
    }
}

/// Listens on a port that the kernel chose, and answers one connection on a thread of its own.
private final class Server {
    let port: UInt16
    private let thread: Threads.Joinable
    private let listener: CInt
    private let received = Received()

    /// - Parameters:
    ///   - pieces: Sent one after the other, each in a packet of its own.
    ///   - staysOpen: Whether the connection stays until the client closes it.
    init(_ pieces: [String], staysOpen: Bool = false, address: String = "127.0.0.1") throws {
        let target = try #require(SocketAddress(address, port: 0))
        let listener = socket(target.family, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        try #require(target.withPointer { bind(listener, $0, $1) } == 0 && listen(listener, 1) == 0)
        var storage = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        withUnsafeMutablePointer(to: &storage) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &size) }
        }
        // The port is at the same place in both kinds of address.
        port = UInt16(bigEndian: storage.sin6_port)
        self.listener = listener
        thread = try Threads.joinable(name: "test-server") { [received] in
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else { return }
            var yes: CInt = 1
            setsockopt(connection, CInt(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<CInt>.size))
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(connection, &buffer, buffer.count, 0)
            received.set(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self))
            for piece in pieces {
                let bytes = Array(piece.utf8)
                guard send(connection, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count else { break }
            }
            if staysOpen { while recv(connection, &buffer, buffer.count, 0) > 0 {} }
            close(connection)
        }
    }

    /// Once the connection is over.
    var request: String { received.get() }

    deinit {
        // Wakes a thread that still waits for a connection.
        shutdown(listener, CInt(SHUT_RDWR))
        thread.join()
        close(listener)
    }
}

private final class Received: Sendable {
    private let text = Mutex("")
    func set(_ value: String) { text.withLock { $0 = value } }
    func get() -> String { text.withLock { $0 } }
}
