// SPDX-License-Identifier: Apache-2.0
import SystemPackage

/// The destination of a request, from a URL such as `http://127.0.0.1:5373/health`.
struct HTTPTarget {
    let addresses: [SocketAddress]
    let request: [UInt8]

    /// Creates the target over a socket in the file system.
    ///
    /// - Parameter path: The part after the host: "/_ping".
    init?(socket: FilePath, path: String) {
        guard let address = SocketAddress(socket: socket) else { return nil }
        addresses = [address]
        request = Self.request(path[...], host: "localhost")
    }

    init?(_ url: String) {
        guard url.lowercased().hasPrefix("http://"),
            url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        let rest = url.dropFirst("http://".count).prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        var host = authority
        var port: UInt16 = 80
        if let colon = authority.lastIndex(of: ":"), authority.last != "]" {
            guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else {
                return nil
            }
            port = number
            host = authority[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        let names = host == "localhost" ? ["127.0.0.1", "::1"] : [String(host)]
        addresses = names.compactMap { SocketAddress($0, port: port) }
        guard !addresses.isEmpty else { return nil }
        let path = rest.dropFirst(authority.count)
        request = Self.request(path, host: authority)
    }

    private static func request(_ path: Substring, host: Substring) -> [UInt8] {
        Array(
            """
            GET \(path.hasPrefix("/") ? "" : "/")\(path) HTTP/1.1\r
            Host: \(host)\r
            User-Agent: kecsctl\r
            Accept: */*\r
            Connection: close\r
            \r

            """.utf8)
    }
}

/// A reply as its bytes come in.
struct HTTPReply {
    private var bytes: [UInt8] = []
    private var head: (status: Int, length: Int?, isChunked: Bool, bodyStart: Int)?

    /// - Parameter piece: The bytes that came; empty for the end of the connection.
    /// - Returns: The answer, once it is complete or its body exceeds the limit.
    mutating func take(_ piece: ArraySlice<UInt8>) throws(HTTPProbe.Failure) -> HTTPProbe.Answer? {
        bytes += piece
        if head == nil { head = try readHead() }
        guard let head else {
            if piece.isEmpty { throw .notHTTP("the connection ended within the head") }
            return nil
        }
        // 204 and 304 never have a body (RFC 9112, 6.3).
        if head.status == 204 || head.status == 304 { return HTTPProbe.Answer(status: head.status, body: []) }
        let raw = bytes[head.bodyStart...]
        var body = raw
        var isWhole = false
        if head.isChunked {
            let decoded = try Self.chunks(raw)
            body = decoded.body[...]
            isWhole = decoded.isWhole
        } else if let length = head.length {
            body = raw.prefix(length)
            isWhole = raw.count >= length
        } else {
            isWhole = piece.isEmpty
        }
        if isWhole || body.count >= HTTPProbe.bodyLimit {
            return HTTPProbe.Answer(status: head.status, body: Array(body.prefix(HTTPProbe.bodyLimit)))
        }
        if piece.isEmpty { throw .notHTTP("the connection ended within the body") }
        return nil
    }

    private mutating func readHead() throws(HTTPProbe.Failure) -> (Int, Int?, Bool, Int)? {
        let start = Array("HTTP/1.".utf8)
        guard bytes.prefix(start.count).elementsEqual(start.prefix(bytes.count)) else {
            throw .notHTTP("the answer does not begin with HTTP/1.")
        }
        let end = Array("\r\n\r\n".utf8)
        guard bytes.count >= end.count,
            let split = (0...(bytes.count - end.count)).first(where: { bytes[$0...].starts(with: end) })
        else {
            guard bytes.count <= 64 << 10 else { throw .notHTTP("its head is longer than 64 KiB") }
            return nil
        }
        let lines = String(decoding: bytes[..<split], as: UTF8.self).split(separator: "\r\n")
        let words = (lines.first ?? "").split(separator: " ")
        guard words.count >= 2, words[1].utf8.count == 3, let status = Int(words[1]), status >= 100 else {
            throw .notHTTP("it has no status: \(lines.first ?? "")")
        }
        if status < 200 {
            // An interim answer: the real one follows.
            bytes.removeFirst(split + end.count)
            return bytes.isEmpty ? nil : try readHead()
        }
        var length: Int?
        var isChunked = false
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].filter { $0 != " " && $0 != "\t" }
            switch line[..<colon].lowercased() {
            case "content-length":
                guard let number = Int(value), number >= 0 else { throw .notHTTP("Content-Length: \(value)") }
                length = number
            case "transfer-encoding": isChunked = value.lowercased().hasSuffix("chunked")
            default: continue
            }
        }
        return (status, length, isChunked, split + end.count)
    }

    private static func chunks(
        _ raw: ArraySlice<UInt8>
    ) throws(HTTPProbe.Failure) -> (body: [UInt8], isWhole: Bool) {
        var body: [UInt8] = []
        var rest = raw
        while let lineEnd = rest.firstIndex(of: 0x0A) {
            let line = String(decoding: rest[..<lineEnd], as: UTF8.self)
            // After the size come extensions, and here the line's carriage return.
            guard let size = Int(line.prefix { $0.isHexDigit }, radix: 16), size >= 0 else {
                throw .notHTTP("a chunk without a size")
            }
            if size == 0 { return (body, true) }
            rest = rest[(lineEnd + 1)...]
            body += rest.prefix(size)
            guard rest.count >= size, rest.count - size >= 2 else { break }
            rest = rest.dropFirst(size + 2)
        }
        return (body, false)
    }
}
