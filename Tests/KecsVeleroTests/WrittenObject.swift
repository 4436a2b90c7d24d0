// SPDX-License-Identifier: Apache-2.0
import CHashes
import KecsSystem
import SystemPackage

/// Writes msgpack.
indirect enum Packed {
    case integer(Int64)
    case text(String)
    case bytes([UInt8])
    case list([Packed])
    case map([(String, Packed)])
    case nothing

    var encoded: [UInt8] {
        switch self {
        case .nothing: return [0xc0]
        case .integer(let value):
            if (0...127).contains(value) { return [UInt8(value)] }
            return [0xd3] + Self.big(UInt64(bitPattern: value), 8)
        case .text(let text): return [0xdb] + Self.big(UInt64(text.utf8.count), 4) + Array(text.utf8)
        case .bytes(let bytes): return [0xc6] + Self.big(UInt64(bytes.count), 4) + bytes
        case .list(let items): return [0xdd] + Self.big(UInt64(items.count), 4) + items.flatMap(\.encoded)
        case .map(let members):
            return [0xdf] + Self.big(UInt64(members.count), 4)
                + members.flatMap { Packed.text($0.0).encoded + $0.1.encoded }
        }
    }

    static func big(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * (count - 1 - $0))) }
    }
}

/// An object as MinIO writes it, and as nobody should.
struct WrittenObject {
    var minor = 3
    var dataBlocks: Int64 = 1
    var parityBlocks: Int64 = 0
    var blockSize: Int64 = 1 << 20
    var checksumKind: Int64 = 1
    var partSizes: [Int64] = []
    var partNumbers: [Int64]?
    var size: Int64?
    var system: [(String, Packed)] = []
    var inline: [UInt8]?
    var inlineName = "null"
    /// Versions before this one, newest first: a map of `Type` and the rest, and the flags of its header.
    var before: [(flags: Int64, type: Int64, body: Packed)] = []
    /// Minor 2: behind it, as those are not sorted.
    var after: [(flags: Int64, type: Int64, body: Packed)] = []

    static let dataFolder = "01020304-0506-0708-090a-0b0c0d0e0f10"
    private static let dataFolderBytes = (1...16).map { UInt8($0) }
    private static let noID = [UInt8](repeating: 0, count: 16)

    static func deleteMarker(at nanoseconds: Int64, isFree: Bool = false) -> Packed {
        .map([
            ("Type", .integer(2)),
            (
                "DelObj",
                .map([
                    ("ID", .bytes(noID)), ("MTime", .integer(nanoseconds)),
                    (
                        "MetaSys",
                        isFree ? .map([("x-minio-internal-free-version", .bytes([]))]) : .nothing
                    ),
                ])
            ),
        ])
    }

    var body: Packed {
        .map([
            ("Type", .integer(1)),
            (
                "V2Obj",
                .map([
                    ("ID", .bytes(Self.noID)), ("DDir", .bytes(Self.dataFolderBytes)),
                    ("EcAlgo", .integer(1)), ("EcM", .integer(dataBlocks)), ("EcN", .integer(parityBlocks)),
                    ("EcBSize", .integer(blockSize)), ("EcIndex", .integer(1)),
                    ("EcDist", .list([.integer(1)])),
                    ("CSumAlgo", .integer(checksumKind)),
                    (
                        "PartNums",
                        .list(
                            (partNumbers ?? partSizes.indices.map { Int64($0 + 1) }).map { .integer($0) })
                    ),
                    ("PartETags", .nothing), ("PartSizes", .list(partSizes.map { .integer($0) })),
                    ("PartASizes", .list(partSizes.map { .integer($0) })),
                    ("Size", .integer(size ?? partSizes.reduce(0, &+))),
                    ("MTime", .integer(1_795_000_000_000_000_000)), ("MetaSys", .map(system)),
                    ("MetaUsr", .map([("etag", .text("x"))])),
                ])
            ),
        ])
    }

    var metadata: [UInt8] {
        let versions = before + [(flags: 2, type: 1, body: body)] + after
        guard minor == 3 else { return Packed.map([("Versions", .list(versions.map(\.body)))]).encoded }
        var bytes = Packed.integer(3).encoded + Packed.integer(3).encoded
        bytes += Packed.integer(Int64(versions.count)).encoded
        for version in versions {
            let header = Packed.list([
                .bytes(Self.noID), .integer(1), .bytes([0, 0, 0, 0]), .integer(version.type),
                .integer(version.flags), .integer(0), .integer(1),
            ])
            bytes += Packed.bytes(header.encoded).encoded + Packed.bytes(version.body.encoded).encoded
        }
        return bytes
    }

    /// The inline data.
    var tail: [UInt8] {
        guard let inline else { return [] }
        return [1] + Packed.map([(inlineName, .bytes(Self.blocks(of: inline)))]).encoded
    }

    var file: [UInt8] { Self.file(metadata, tail, minor: minor) }

    static func file(_ metadata: [UInt8], _ tail: [UInt8], minor: Int = 3) -> [UInt8] {
        let sum = metadata.withUnsafeBufferPointer { hashes_xxh64($0.baseAddress, UInt64($0.count)) }
        return Array("XL2 ".utf8) + [1, 0, UInt8(minor), 0] + Packed.bytes(metadata).encoded
            + [0xce] + Packed.big(sum & 0xffff_ffff, 4) + tail
    }

    /// Each block with its checksum before it.
    static func blocks(of content: [UInt8], size: Int = 1 << 20) -> [UInt8] {
        var result: [UInt8] = []
        var start = 0
        while start < content.count {
            let block = Array(content[start..<min(content.count, start + size)])
            result += checksum(block) + block
            start += block.count
        }
        return result
    }

    static let key: [UInt8] = [
        0x4b, 0xe7, 0x34, 0xfa, 0x8e, 0x23, 0x8a, 0xcd, 0x26, 0x3e, 0x83, 0xe6, 0xbb, 0x96, 0x85, 0x52,
        0x04, 0x0f, 0x93, 0x5d, 0xa3, 0x9f, 0x44, 0x14, 0x97, 0xe0, 0x9d, 0x13, 0x22, 0xde, 0x36, 0xa0,
    ]

    static func checksum(_ block: [UInt8], key: [UInt8] = key) -> [UInt8] {
        var hash = [UInt8](repeating: 0, count: 32)
        hashes_highway256(key, block, UInt64(block.count), &hash)
        return hash
    }

    /// Writes the object's folder with `xl.meta`, and the parts that are given.
    func write(to folder: FilePath, parts: [[UInt8]] = []) throws {
        try folder.createFolder()
        try folder.appending("xl.meta").replaceContents(file)
        guard !parts.isEmpty else { return }
        let data = folder.appending(Self.dataFolder)
        try data.createFolder()
        for (index, part) in parts.enumerated() {
            try data.appending("part.\(index + 1)")
                .replaceContents(Self.blocks(of: part, size: Int(blockSize)))
        }
    }
}
