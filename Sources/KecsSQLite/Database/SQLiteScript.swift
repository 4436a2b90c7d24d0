// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// Cuts a file of SQL into its statements without holding more than one of them.
struct SQLiteScript: ~Copyable {
    private let path: FilePath
    private let descriptor: CInt
    private let pieceSize: Int
    private let cancellation: Cancellation
    private var buffer: [UInt8] = []
    /// The offset at which the next statement begins.
    private var start = 0
    /// The offset in `buffer` up to which it has been scanned; `inside` and `end` describe the scanned part's end.
    private var position = 0
    private var inside = Inside.code
    private var end = StatementEnd()
    private var isAtEnd = false

    private enum Inside: Hashable { case code, lineComment, blockComment, quote(UInt8) }

    /// - Parameter cancellation: Checked at each piece: one statement may be as long as the file.
    init(_ path: FilePath, pieceSize: Int = 1 << 20, cancellation: Cancellation = Cancellation()) throws {
        self.path = path
        self.pieceSize = pieceSize
        descriptor = path.withPlatformString { paths_open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0) }
        self.cancellation = cancellation
        guard descriptor >= 0 else { throw FileError.last("open", path) }
    }

    deinit { close(descriptor) }

    /// Returns the next statement with its semicolon; the rest at the end of the file comes without one. Nil at the end
    /// of the file.
    mutating func next() throws -> [UInt8]? {
        while true {
            while position < buffer.count {
                guard let end = try advance() else { continue }
                defer { start = end }
                return Array(buffer[start..<end])
            }
            guard !isAtEnd else {
                let rest = Array(buffer[start...])
                start = buffer.count
                return rest.isEmpty ? nil : rest
            }
            try fill()
        }
    }

    /// Scans one byte or a pair. Returns the end of a statement: after a semicolon in code, and in the body of a
    /// trigger only after the semicolon that follows END.
    private mutating func advance() throws -> Int? {
        let byte = buffer[position]
        // The second half of a pair may not have been read yet; then this half is examined again.
        let next: UInt8? = position + 1 < buffer.count ? buffer[position + 1] : nil
        if next == nil, !isAtEnd, [UInt8(ascii: "-"), UInt8(ascii: "/"), UInt8(ascii: "*")].contains(byte) {
            try fill()
            return nil
        }
        position += 1
        switch inside {
        case .code:
            if StatementEnd.isWordByte(byte) {
                end.add(wordByte: byte)
                return nil
            }
            end.endWord()
            switch byte {
            case UInt8(ascii: ";"): return end.semicolon() ? position : nil
            case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"):
                inside = .quote(byte)
                end.other()
            case UInt8(ascii: "["):
                inside = .quote(UInt8(ascii: "]"))
                end.other()
            case UInt8(ascii: "-") where next == byte: inside = .lineComment
            case UInt8(ascii: "/") where next == UInt8(ascii: "*"):
                inside = .blockComment
                position += 1
            case UInt8(ascii: " "), 9, 10, 12, 13: break
            default: end.other()
            }
        case .lineComment: if byte == UInt8(ascii: "\n") { inside = .code }
        case .blockComment:
            if byte == UInt8(ascii: "*"), next == UInt8(ascii: "/") {
                inside = .code
                position += 1
            }
        // A doubled quote leaves and enters again.
        case .quote(let end): if byte == end { inside = .code }
        }
        return nil
    }

    private mutating func fill() throws {
        try cancellation.check()
        var piece = [UInt8](repeating: 0, count: pieceSize)
        var count = read(descriptor, &piece, piece.count)
        while count < 0, errno == EINTR { count = read(descriptor, &piece, piece.count) }
        guard count >= 0 else { throw FileError.last("read", path) }
        isAtEnd = count == 0
        buffer.removeFirst(start)
        position -= start
        start = 0
        buffer += piece[..<count]
    }
}
