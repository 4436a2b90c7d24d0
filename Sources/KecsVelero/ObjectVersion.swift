// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// A version of an object as `xl.meta` describes it (`V2Obj`). Its numbers are checked here, once, so that readers of
/// the data may add and multiply them.
struct ObjectVersion {
    struct Part: Hashable, Sendable {
        let number: Int64
        /// The size without the checksums between the blocks.
        let size: Int64
    }

    /// The largest number of parts: S3 allows no more in a multipart upload.
    static let partLimit = 10_000
    /// The largest block size. MinIO's own is 1 MiB, and was 10 MiB.
    static let blockLimit: Int64 = 16 << 20
    static let checksumSize: Int64 = 32

    private(set) var parts: [Part] = []
    private(set) var size: Int64 = 0
    private(set) var blockSize: Int64 = 0
    private(set) var modifiedNanoseconds: Int64 = 0
    private(set) var etag: String?
    private(set) var seal: StoredObject.Seal?
    private(set) var isInline = false
    /// The folder of the parts, below the object's.
    private(set) var dataFolder = ""
    /// The name of its data in the inline area.
    private(set) var inlineName = "null"

    init(_ reader: inout MessagePack, of key: String) throws {
        var numbers: [Int64] = []
        var sizes: [Int64] = []
        var dataBlocks: Int64 = 0
        var parityBlocks: Int64 = 0
        var checksum: Int64 = 0
        for _ in 0..<(try reader.mapCount()) {
            switch try reader.string() {
            case "ID":
                let id = try Self.uuid(&reader)
                if id != Self.noID { inlineName = id }
            case "DDir": dataFolder = try Self.uuid(&reader)
            case "EcM": dataBlocks = try reader.integer()
            case "EcN": parityBlocks = try reader.integer()
            case "EcBSize": blockSize = try reader.integer()
            case "CSumAlgo": checksum = try reader.integer()
            case "PartNums": numbers = try Self.integers(&reader)
            case "PartSizes": sizes = try Self.integers(&reader)
            case "Size": size = try reader.integer()
            case "MTime": modifiedNanoseconds = try reader.integer()
            case "MetaSys": try readInternal(&reader)
            case "MetaUsr": try readUsers(&reader)
            default: try reader.skip()
            }
        }
        guard dataBlocks == 1, parityBlocks == 0 else {
            throw ObjectProblem(
                .unreadable, key, "its data are spread over several drives, and only single drives are read")
        }
        guard checksum == 1 else {
            throw ObjectProblem(.unreadable, key, "its data have checksums of an unknown kind")
        }
        guard (1...Self.blockLimit).contains(blockSize), numbers.count == sizes.count,
            numbers.count <= Self.partLimit, numbers.allSatisfy({ (1...10_000).contains($0) }),
            sizes.allSatisfy({ (0...Int64.largestCount).contains($0) }), sizes.total({ $0 }) == size,
            size <= Int64.largestCount
        else { throw ObjectProblem(.damaged, key, "its xl.meta has numbers that cannot be") }
        parts = zip(numbers, sizes).map { Part(number: $0, size: $1) }
    }

    /// Returns the size of that many bytes of data with their checksums.
    func storedSize(of size: Int64) -> Int64 {
        size + (size + blockSize - 1) / blockSize * Self.checksumSize
    }

    private static let noID = "00000000-0000-0000-0000-000000000000"

    private static func uuid(_ reader: inout MessagePack) throws -> String {
        let range = try reader.binary()
        guard range.count == 16 else { throw reader.failure }
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for (index, byte) in reader.bytes[range].enumerated() {
            if [4, 6, 8, 10].contains(index) { text.append(UInt8(ascii: "-")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func integers(_ reader: inout MessagePack) throws -> [Int64] {
        if reader.takeNil() { return [] }
        var values: [Int64] = []
        for _ in 0..<(try reader.arrayCount()) { values.append(try reader.integer()) }
        return values
    }

    /// Reads the server's internal metadata.
    private mutating func readInternal(_ reader: inout MessagePack) throws {
        if reader.takeNil() { return }
        for _ in 0..<(try reader.mapCount()) {
            let name = try reader.string().lowercased()
            let value = reader.takeNil() ? "" : try reader.text()
            switch name {
            case "x-minio-internal-inline-data": isInline = true
            case "x-minio-internal-compression": seal = seal ?? .compressed(value)
            case "x-minio-internal-transition-status" where value == "complete": seal = .elsewhere
            case _ where name.hasPrefix("x-minio-internal-server-side-encryption"):
                if seal != .elsewhere { seal = .encrypted }
            default: break
            }
        }
    }

    private mutating func readUsers(_ reader: inout MessagePack) throws {
        if reader.takeNil() { return }
        for _ in 0..<(try reader.mapCount()) {
            let name = try reader.string().lowercased()
            let value = reader.takeNil() ? "" : try reader.text()
            if name == "etag" { etag = value }
        }
    }
}
