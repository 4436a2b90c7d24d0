// SPDX-License-Identifier: Apache-2.0
import CHashes
import KecsSystem
import SystemPackage

/// gzip and tar as another program writes them: nothing of kecsctl's own writers, so that its reader is held to the formats.
enum WrittenFiles {
    /// One member of stored blocks.
    static func gzip(_ content: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]
        var start = 0
        repeat {
            let end = min(content.count, start + 65_535)
            let count = UInt16(end - start)
            bytes += [end == content.count ? 1 : 0]
            bytes += little(UInt64(count), 2) + little(UInt64(~count), 2) + content[start..<end]
            start = end
        } while start < content.count
        return bytes + little(UInt64(crc(content)), 4) + little(UInt64(content.count), 4)
    }

    /// ustar; names of up to 255 bytes, split where a slash is.
    static func tar(_ files: [(path: String, content: [UInt8])]) -> [UInt8] {
        var bytes: [UInt8] = []
        for file in files {
            var (name, prefix) = (file.path[...], ""[...])
            if name.utf8.count > 100 {
                var index = name.startIndex
                for slash in name.indices where name[slash] == "/" && name[..<slash].utf8.count <= 155 {
                    index = slash
                }
                (prefix, name) = (name[..<index], name[name.index(after: index)...])
            }
            var header = field(name, 100) + field("0000644\0", 8) + field("0000000\0", 8)
            header += field("0000000\0", 8) + field(octal(file.content.count, 11) + "\0", 12)
            header += field("15250000000\0", 12) + [UInt8](repeating: 0x20, count: 8) + [UInt8(ascii: "0")]
            header += field("", 100) + field("ustar\0", 6) + Array("00".utf8) + field("", 32) + field("", 32)
            header += field("0000000\0", 8) + field("0000000\0", 8) + field(prefix, 155) + field("", 12)
            let sum = header.reduce(0) { $0 + Int($1) }
            header.replaceSubrange(148..<156, with: Array((octal(sum, 6) + "\0 ").utf8))
            bytes += header + file.content
            bytes += [UInt8](repeating: 0, count: (512 - file.content.count % 512) % 512)
        }
        return bytes + [UInt8](repeating: 0, count: 1024)
    }

    private static func field(_ text: some StringProtocol, _ count: Int) -> [UInt8] {
        let bytes = Array(text.utf8.prefix(count))
        return bytes + [UInt8](repeating: 0, count: count - bytes.count)
    }

    private static func octal(_ number: Int, _ count: Int) -> String {
        let digits = String(number, radix: 8)
        return String(repeating: "0", count: max(0, count - digits.count)) + digits
    }

    static func little(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    private static func crc(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = 0xffff_ffff
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
        }
        return ~crc
    }
}

/// An object as MinIO puts it on a single drive: small ones in `xl.meta`, larger ones in `part.1`.
struct MinIOObject {
    let content: [UInt8]
    /// Since 1970.
    let modified: Int64

    private static let inlineLimit = 128 << 10
    private static let key: [UInt8] = [
        0x4b, 0xe7, 0x34, 0xfa, 0x8e, 0x23, 0x8a, 0xcd, 0x26, 0x3e, 0x83, 0xe6, 0xbb, 0x96, 0x85, 0x52,
        0x04, 0x0f, 0x93, 0x5d, 0xa3, 0x9f, 0x44, 0x14, 0x97, 0xe0, 0x9d, 0x13, 0x22, 0xde, 0x36, 0xa0,
    ]
    private static let noID = [UInt8](repeating: 0, count: 16)
    private static let dataFolder: [UInt8] = (1...16).map { UInt8($0) }
    private static let dataFolderName = "01020304-0506-0708-090a-0b0c0d0e0f10"

    func write(to folder: FilePath) throws {
        try folder.createFolder()
        let isInline = content.count <= Self.inlineLimit
        if !isInline {
            let data = folder.appending(Self.dataFolderName)
            try data.createFolder()
            try data.appending("part.1").replaceContents(blocks)
        }
        let metadata = self.metadata(isInline: isInline)
        let sum = metadata.withUnsafeBufferPointer { hashes_xxh64($0.baseAddress, UInt64($0.count)) }
        var file = Array("XL2 ".utf8) + [1, 0, 3, 0] + Self.bytes(metadata)
        file += [0xce] + Self.big(sum & 0xffff_ffff, 4)
        if isInline { file += [1] + Self.map([("null", Self.bytes(blocks))]) }
        try folder.appending("xl.meta").replaceContents(file)
    }

    private func metadata(isInline: Bool) -> [UInt8] {
        let size = Self.integer(Int64(content.count))
        let system =
            isInline ? Self.map([("x-minio-internal-inline-data", Self.bytes(Array("true".utf8)))]) : [0xc0]
        let version: [(String, [UInt8])] = [
            ("ID", Self.bytes(Self.noID)), ("DDir", Self.bytes(Self.dataFolder)), ("EcAlgo", Self.integer(1)),
            ("EcM", Self.integer(1)), ("EcN", Self.integer(0)), ("EcBSize", Self.integer(1 << 20)),
            ("EcIndex", Self.integer(1)), ("EcDist", Self.list([Self.integer(1)])),
            ("CSumAlgo", Self.integer(1)),
            ("PartNums", Self.list([Self.integer(1)])), ("PartETags", [0xc0]),
            ("PartSizes", Self.list([size])),
            ("PartASizes", Self.list([size])), ("Size", size),
            ("MTime", Self.integer(modified * 1_000_000_000)),
            ("MetaSys", system), ("MetaUsr", Self.map([("etag", Self.text("0"))])),
        ]
        let body = Self.map([("Type", Self.integer(1)), ("V2Obj", Self.map(version)), ("v", Self.integer(0))])
        let header = Self.list([
            Self.bytes(Self.noID), Self.integer(modified * 1_000_000_000), Self.bytes([0, 0, 0, 0]),
            Self.integer(1), Self.integer(isInline ? 6 : 2), Self.integer(0), Self.integer(1),
        ])
        return Self.integer(3) + Self.integer(3) + Self.integer(1) + Self.bytes(header) + Self.bytes(body)
    }

    /// Each with its checksum before it.
    private var blocks: [UInt8] {
        var result: [UInt8] = []
        var start = 0
        while start < content.count {
            let block = Array(content[start..<min(content.count, start + 1 << 20)])
            var hash = [UInt8](repeating: 0, count: 32)
            hashes_highway256(Self.key, block, UInt64(block.count), &hash)
            result += hash + block
            start += block.count
        }
        return result
    }

    // MARK: msgpack

    private static func integer(_ value: Int64) -> [UInt8] {
        (0...127).contains(value) ? [UInt8(value)] : [0xd3] + big(UInt64(bitPattern: value), 8)
    }
    private static func text(_ text: String) -> [UInt8] {
        [0xdb] + big(UInt64(text.utf8.count), 4) + Array(text.utf8)
    }
    private static func bytes(_ bytes: [UInt8]) -> [UInt8] { [0xc6] + big(UInt64(bytes.count), 4) + bytes }
    private static func list(_ items: [[UInt8]]) -> [UInt8] {
        [0xdd] + big(UInt64(items.count), 4) + items.flatMap { $0 }
    }
    private static func map(_ members: [(String, [UInt8])]) -> [UInt8] {
        [0xdf] + big(UInt64(members.count), 4) + members.flatMap { text($0.0) + $0.1 }
    }
    private static func big(_ value: UInt64, _ count: Int) -> [UInt8] { little(value, count).reversed() }
    private static func little(_ value: UInt64, _ count: Int) -> [UInt8] { WrittenFiles.little(value, count) }
}
