// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Glibc
import KecsSystem

/// A unit as one line of JSON, hundreds of thousands of times. What `JSONEncoder` writes for an ordinary name is written and
/// read here; it keeps all that is not ordinary.
extension Swap.Unit {
    /// - Parameter encoder: For a unit with a name that JSON does not hold as it is.
    func appendLine(to text: inout [UInt8], _ encoder: JSONEncoder) throws {
        let paths = [live, previous] + (staged.map { [$0] } ?? [])
        let isOrdinary =
            part.utf8.allSatisfy(Self.isOrdinary)
            && paths.allSatisfy { $0.bytes.withBytes { $0.allSatisfy(Self.isOrdinary) } }
        guard isOrdinary else {
            text += try encoder.encode(self)
            text.append(UInt8(ascii: "\n"))
            return
        }
        func add(_ key: StaticString, _ path: PathText) {
            key.withUTF8Buffer { text.append(contentsOf: $0) }
            path.bytes.withBytes { text.append(contentsOf: $0) }
        }
        // In the order of the keys, like the encoder.
        if let isRewritten {
            text += isRewritten ? #"{"isRewritten":true,"#.utf8 : #"{"isRewritten":false,"#.utf8
        }
        add(isRewritten == nil ? #"{"live":""# : #""live":""#, live)
        if let liveInode {
            text += #"","liveInode":\#(liveInode),"part":""#.utf8
        } else {
            text += #"","part":""#.utf8
        }
        text += part.utf8
        add(#"","previous":""#, previous)
        if let staged { add(#"","staged":""#, staged) }
        text += (stagedInode.map { #"","stagedInode":\#($0)}"# } ?? #""}"#).utf8
        text.append(UInt8(ascii: "\n"))
    }

    /// Printable ASCII that neither JSON nor `PathText` writes in another way.
    private static func isOrdinary(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
            && byte != UInt8(ascii: "%")
    }

    /// Reads a line.
    ///
    /// - Parameter decoder: For a line in any other form than `appendLine` writes, as an older version may have.
    init(line: UnsafeRawBufferPointer, _ decoder: JSONDecoder) throws {
        var reader = LineReader(line)
        if let unit = reader.unit() {
            self = unit
        } else {
            self = try decoder.decode(Swap.Unit.self, from: Data(line))
        }
    }

    fileprivate init(
        part: String, live: PathText, staged: PathText?, previous: PathText, stagedInode: UInt64?,
        liveInode: UInt64?, isRewritten: Bool?
    ) {
        self.part = part
        self.live = live
        self.staged = staged
        self.previous = previous
        self.stagedInode = stagedInode
        self.liveInode = liveInode
        self.isRewritten = isRewritten
    }
}

/// Takes a line apart from its beginning. Nil of anything means that the line is in another form.
private struct LineReader {
    private let line: UnsafeRawBufferPointer
    private var position = 0

    init(_ line: UnsafeRawBufferPointer) { self.line = line }

    mutating func unit() -> Swap.Unit? {
        // A backslash or a percent sign: a name that is written in another way. What a decoder refuses, it shall refuse.
        guard let start = line.baseAddress, memchr(start, CInt(UInt8(ascii: "\\")), line.count) == nil,
            memchr(start, CInt(UInt8(ascii: "%")), line.count) == nil,
            line.allSatisfy({ $0 >= 0x20 && $0 < 0x7F })
        else { return nil }
        var isRewritten: Bool?
        if take(#"{"isRewritten":true,"live":""#) {
            isRewritten = true
        } else if take(#"{"isRewritten":false,"live":""#) {
            isRewritten = false
        } else if !take(#"{"live":""#) {
            return nil
        }
        guard let live = text() else { return nil }
        var liveInode: UInt64?
        if take(#","liveInode":"#) {
            guard let number = number() else { return nil }
            liveInode = number
        }
        guard take(#","part":""#), let part = text(), take(#","previous":""#), let previous = text() else {
            return nil
        }
        var staged: UnsafeRawBufferPointer?
        if take(#","staged":""#) {
            guard let path = text() else { return nil }
            staged = path
        }
        var stagedInode: UInt64?
        if take(#","stagedInode":"#) {
            guard let number = number() else { return nil }
            stagedInode = number
        }
        guard take("}"), position == line.count else { return nil }
        return Swap.Unit(
            part: String(decoding: part, as: UTF8.self), live: PathText(PathBytes(live)),
            staged: staged.map { PathText(PathBytes($0)) }, previous: PathText(PathBytes(previous)),
            stagedInode: stagedInode, liveInode: liveInode, isRewritten: isRewritten)
    }

    private mutating func take(_ word: StaticString) -> Bool {
        guard let start = line.baseAddress, line.count - position >= word.utf8CodeUnitCount,
            memcmp(start + position, word.utf8Start, word.utf8CodeUnitCount) == 0
        else { return false }
        position += word.utf8CodeUnitCount
        return true
    }

    /// The bytes up to the next quotation mark, which is passed over.
    private mutating func text() -> UnsafeRawBufferPointer? {
        guard let start = line.baseAddress,
            let end = memchr(start + position, CInt(UInt8(ascii: "\"")), line.count - position)
        else { return nil }
        let count = (start + position).distance(to: UnsafeRawPointer(end))
        defer { position += count + 1 }
        return UnsafeRawBufferPointer(start: start + position, count: count)
    }

    private mutating func number() -> UInt64? {
        let start = position
        while position < line.count, (0x30...0x39).contains(line[position]) { position += 1 }
        return UInt64(String(decoding: line[start..<position], as: UTF8.self))
    }
}
