// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import KecsVelero

/// What MinIO's metadata may say, one object at a time.
@Suite struct ObjectMetadataTests {
    /// Looks the object up that `write` puts into a store.
    private func look(
        _ object: WrittenObject, parts: [[UInt8]] = []
    ) throws -> Result<ObjectLookup, ObjectProblem> {
        try withTemporaryFolder { folder in
            try object.write(to: folder.appending("b/o"), parts: parts)
            do { return .success(try ObjectStore(folder).object("b/o")) } catch let error as ObjectProblem {
                return .failure(error)
            }
        }
    }

    private func problem(_ object: WrittenObject) throws -> ObjectProblem? {
        if case .failure(let problem) = try look(object) { problem } else { nil }
    }

    @Test(arguments: [2, 3]) func `inline data and parts are read, in format 1.2 and 1.3`(minor: Int) throws {
        let content = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try withTemporaryFolder { folder in
            let small = Array(content.prefix(1000))
            try WrittenObject(
                minor: minor, partSizes: [1000], system: [("x-minio-internal-inline-data", .bytes([0x74]))],
                inline: small
            ).write(to: folder.appending("b/inline"))
            #expect(try Sample.contents("b/inline", in: folder) == small)
            try WrittenObject(minor: minor, partSizes: [2_000_000, 1_000_000])
                .write(
                    to: folder.appending("b/parts"),
                    parts: [Array(content[..<2_000_000]), Array(content[2_000_000...])])
            #expect(try Sample.contents("b/parts", in: folder) == content)
            try WrittenObject(minor: minor, partSizes: [0]).write(to: folder.appending("b/empty"))
            #expect(try Sample.contents("b/empty", in: folder) == [])
        }
    }

    @Test func `the newest version counts, and a delete marker as no object`() throws {
        var object = WrittenObject(partSizes: [0])
        object.before = [(0, 2, WrittenObject.deleteMarker(at: 1_796_000_000_000_000_000))]
        guard case .deleted = try look(object).get() else {
            Issue.record("the delete marker was not seen")
            return
        }
        // One that the server only keeps to clean up another tier is none.
        object.before = [(1, 2, WrittenObject.deleteMarker(at: 1_796_000_000_000_000_000, isFree: true))]
        #expect(try look(object).get().object != nil)
        // In the old format the time says which one is the newest.
        object.minor = 2
        #expect(try look(object).get().object != nil)
        object.before = []
        object.after = [(0, 2, WrittenObject.deleteMarker(at: 1_796_000_000_000_000_000))]
        guard case .deleted = try look(object).get() else {
            Issue.record("the delete marker was not seen in format 1.2")
            return
        }
        object.after = [(0, 2, WrittenObject.deleteMarker(at: 1))]
        #expect(try look(object).get().object != nil)
    }

    @Test func `what cannot be read is said to be so`() throws {
        var object = WrittenObject(partSizes: [0])
        object.system = [("X-Minio-Internal-Server-Side-Encryption-Iv", .bytes([1]))]
        #expect(try look(object).get().object?.seal == .encrypted)
        object.system = [("x-minio-internal-compression", .bytes(Array("klauspost/compress/s2".utf8)))]
        #expect(try look(object).get().object?.seal == .compressed("klauspost/compress/s2"))
        object.system = [("x-minio-internal-transition-status", .bytes(Array("complete".utf8)))]
        #expect(try look(object).get().object?.seal == .elsewhere)
        object.system = []
        for change: (inout WrittenObject) -> Void in [
            { $0.dataBlocks = 2 }, { $0.parityBlocks = 1 }, { $0.checksumKind = 2 }, { $0.minor = 4 },
        ] {
            var other = object
            change(&other)
            #expect(try problem(other)?.kind == .unreadable)
        }
    }

    @Test func `numbers that cannot be are damage, and no trap`() throws {
        for (index, change)
            in ([
                { $0.blockSize = 0 }, { $0.blockSize = -1 }, { $0.blockSize = .max },
                { $0.partSizes = [.max, .max] }, { $0.partSizes = [-1] }, { $0.partSizes = [.min] },
                { $0.size = .max },
                {
                    $0.partSizes = Array(repeating: 1 << 56, count: 100); $0.blockSize = 1
                }, { $0.size = -1 }, { $0.partNumbers = [0] }, { $0.partNumbers = [] },
                { $0.partNumbers = [.min] },
                { $0.partSizes = Array(repeating: 0, count: 10_001) },
            ] as [(inout WrittenObject) -> Void]).enumerated()
        {
            var object = WrittenObject(partSizes: [1])
            change(&object)
            #expect(try problem(object)?.kind == .damaged, "\(index)")
        }
    }

    @Test func `inline data of another length, or under another name, are damage`() throws {
        var object = WrittenObject(
            partSizes: [5], system: [("x-minio-internal-inline-data", .bytes([]))],
            inline: Array("abcd".utf8))
        #expect(try problem(object)?.kind == .damaged)
        object.inline = Array("abcde".utf8)
        #expect(try problem(object) == nil)
        object.inlineName = "other"
        #expect(try problem(object)?.kind == .damaged)
    }

    @Test func `values of msgpack are read in every width, and refused where they do not fit`() throws {
        func integer(_ bytes: [UInt8]) throws -> Int64 {
            var reader = MessagePack(bytes)
            return try reader.integer()
        }
        #expect(try integer([0x7f]) == 127)
        #expect(try integer([0xff]) == -1)
        #expect(try integer([0xcc, 0xff]) == 255)
        #expect(try integer([0xcd, 1, 0]) == 256)
        #expect(try integer([0xd0, 0x80]) == -128)
        #expect(try integer([0xd2, 0xff, 0xff, 0xff, 0xfe]) == -2)
        #expect(try integer([0xcf] + [UInt8](repeating: 0x7f, count: 8)) == 0x7f7f_7f7f_7f7f_7f7f)
        for bytes: [UInt8] in [
            [], [0xcf] + [UInt8](repeating: 0xff, count: 8), [0xcd, 1], [0xc0], [0xa1, 0x61],
        ] {
            #expect(throws: MessagePackError.self) { try integer(bytes) }
        }
        // Nesting costs no stack, and a length that is not there no memory.
        var deep = MessagePack([UInt8](repeating: 0x91, count: 1_000_000) + [0])
        try deep.skip()
        #expect(deep.isAtEnd)
        for bytes: [UInt8] in [
            [0xdd, 0xff, 0xff, 0xff, 0xff], [0xc6, 0xff, 0xff, 0xff, 0xff, 0], [0xdf, 0x7f, 0, 0, 0, 1],
            [0xc9, 0xff, 0xff, 0xff, 0xff, 1], [0xc1], [0xd8, 1],
        ] {
            #expect(throws: MessagePackError.self) {
                var reader = MessagePack(bytes)
                try reader.skip()
            }
        }
    }
}
