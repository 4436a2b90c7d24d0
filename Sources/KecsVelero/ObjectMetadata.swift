// SPDX-License-Identifier: Apache-2.0
import CHashes
import KecsSystem

/// The content of an object's `xl.meta` of MinIO: the newest version, and the data in the same file.
///
/// ```text
/// "XL2 "  u16 major (1)  u16 minor (2 or 3)
/// msgpack bin   the versions       minor 3: header version, version, count, then per version, newest first:
///                                  bin(header tuple), bin(map); minor 2: map {Versions: [map]}, in any order
/// msgpack uint  the low 32 bits of XXH64 over the bin's content
/// u8 1, msgpack map {version: bin} the small versions' data, as in part.N; absent when there are none
/// ```
struct ObjectMetadata {
    /// The largest size of an `xl.meta`, with all versions and their inline data. A file of MinIO is larger only with
    /// thousands of versions.
    static let sizeLimit = 32 << 20

    /// The newest version.
    enum Newest {
        case object(ObjectVersion)
        case deleted
        /// A version from before 2020, in a form that MinIO keeps until the object is overwritten.
        case legacy
        /// No version is left.
        case none
    }

    let newest: Newest
    private(set) var inlineData: [String: Range<Int>] = [:]
    /// The folders with parts that any of its versions has; nil when a version is of a form that is not read.
    let dataFolders: Set<String>?

    /// Parses an `xl.meta`.
    ///
    /// - Throws: `ObjectProblem`.
    init(_ bytes: [UInt8], of key: String) throws(ObjectProblem) {
        func damaged(_ why: String) -> ObjectProblem {
            ObjectProblem(.damaged, key, "its xl.meta \(why)")
        }
        guard bytes.count > 8, bytes.starts(with: "XL2 ".utf8) else {
            throw damaged("does not begin as one does")
        }
        let major = Int(bytes[4]) | Int(bytes[5]) << 8
        let minor = Int(bytes[6]) | Int(bytes[7]) << 8
        guard major == 1, minor == 2 || minor == 3 else {
            throw ObjectProblem(
                .unreadable, key, "its xl.meta has the format \(major).\(minor); kecsctl reads 1.2 and 1.3")
        }
        var reader = MessagePack(bytes, 8..<bytes.count)
        do {
            let versions = try reader.binary()
            let recorded = try reader.integer()
            let sum = bytes.withUnsafeBufferPointer { all in
                all.baseAddress.map { hashes_xxh64($0 + versions.lowerBound, UInt64(versions.count)) } ?? 0
            }
            guard recorded == Int64(sum & 0xffff_ffff) else { throw damaged("has a wrong checksum") }
            (newest, dataFolders) =
                minor == 3
                ? try Self.indexed(MessagePack(bytes, versions), of: key)
                : try Self.unsorted(MessagePack(bytes, versions), of: key)
            try readInlineData(&reader, bytes)
        } catch let problem as ObjectProblem {
            throw problem
        } catch let error as MessagePackError {
            throw damaged("is malformed at byte \(error.offset)")
        } catch {
            throw damaged("cannot be read: \(error)")
        }
    }

    private mutating func readInlineData(_ reader: inout MessagePack, _ bytes: [UInt8]) throws {
        guard !reader.isAtEnd else { return }
        guard bytes[reader.position] == 1 else { throw reader.failure }
        var reader = MessagePack(bytes, (reader.position + 1)..<bytes.count)
        for _ in 0..<(try reader.mapCount()) {
            let version = try reader.string()
            let range = try reader.binary()
            // Of two with the same name, the server takes the first.
            if inlineData[version] == nil { inlineData[version] = range }
        }
        guard reader.isAtEnd else { throw reader.failure }
    }

    /// Returns the newest version of minor 3: the first one that does not exist only for a later cleanup.
    private static func indexed(
        _ reader: MessagePack, of key: String
    ) throws -> (Newest, Set<String>?) {
        var reader = reader
        let headerVersion = try reader.integer()
        let metaVersion = try reader.integer()
        guard (1...3).contains(headerVersion), (1...3).contains(metaVersion) else {
            throw ObjectProblem(
                .unreadable, key,
                "its xl.meta has versions \(headerVersion) and \(metaVersion) of its parts; kecsctl reads up to 3"
            )
        }
        let count = try reader.integer()
        guard count >= 0, count <= Int64(reader.end - reader.position) else { throw reader.failure }
        var newest = Newest.none
        var isFound = false
        var folders: Set<String>? = []
        for _ in 0..<count {
            let header = try VersionHeader(MessagePack(reader.bytes, reader.binary()))
            let body = try reader.binary()
            guard !header.isFree else { continue }
            guard !isFound else {
                // An older one is of no use to a reader, and may be of any form.
                add(try? StoredVersion(MessagePack(reader.bytes, body), of: key), to: &folders)
                continue
            }
            isFound = true
            let version = try StoredVersion(MessagePack(reader.bytes, body), of: key)
            guard version.type == header.type else {
                throw ObjectProblem(
                    .damaged, key, "its xl.meta contradicts itself in the kind of a version")
            }
            newest = version.newest
            add(version, to: &folders)
        }
        guard reader.isAtEnd else { throw reader.failure }
        return (newest, folders)
    }

    /// Adds the folder of a version's parts. Nil stays nil: what is not known cannot be told apart from what belongs to nothing.
    private static func add(_ version: StoredVersion?, to folders: inout Set<String>?) {
        switch version?.type {
        case 1: if let folder = version?.object?.dataFolder { folders?.insert(folder) }
        case 2: break
        default: folders = nil
        }
    }

    /// Returns the newest version of minor 2: the one with the latest time.
    private static func unsorted(
        _ reader: MessagePack, of key: String
    ) throws -> (Newest, Set<String>?) {
        var reader = reader
        var newest: StoredVersion?
        var folders: Set<String>? = []
        for _ in 0..<(try reader.mapCount()) {
            guard try reader.string() == "Versions" else {
                try reader.skip()
                continue
            }
            for _ in 0..<(try reader.arrayCount()) {
                let start = reader.position
                try reader.skip()
                let version = try StoredVersion(
                    MessagePack(reader.bytes, start..<reader.position), of: key)
                add(version, to: &folders)
                if !version.isFree, newest.map({ $0.modified < version.modified }) ?? true {
                    newest = version
                }
            }
        }
        guard reader.isAtEnd else { throw reader.failure }
        return (newest?.newest ?? .none, folders)
    }
}

/// The tuple before a version: id, time, signature, type, flags, and since 2023 the erasure coding.
private struct VersionHeader {
    let type: Int64
    let isFree: Bool

    init(_ reader: MessagePack) throws {
        var reader = reader
        let count = try reader.arrayCount()
        guard count >= 5 else { throw reader.failure }
        guard try reader.binary().count == 16 else { throw reader.failure }
        _ = try reader.integer()
        guard try reader.binary().count == 4 else { throw reader.failure }
        type = try reader.integer()
        isFree = try reader.integer() & 1 != 0
        for _ in 5..<count { try reader.skip() }
        guard reader.isAtEnd else { throw reader.failure }
    }
}

/// A version of any type.
private struct StoredVersion {
    let type: Int64
    private(set) var object: ObjectVersion?
    private(set) var modified: Int64 = 0
    /// True for a delete marker that only names what the server must remove from another tier.
    private(set) var isFree = false

    init(_ reader: MessagePack, of key: String) throws {
        var reader = reader
        var type: Int64?
        for _ in 0..<(try reader.mapCount()) {
            switch try reader.string() {
            case "Type": type = try reader.integer()
            case "V2Obj" where !reader.takeNil():
                let version = try ObjectVersion(&reader, of: key)
                object = version
                modified = version.modifiedNanoseconds
            case "DelObj" where !reader.takeNil():
                for _ in 0..<(try reader.mapCount()) {
                    switch try reader.string() {
                    case "MTime": modified = try reader.integer()
                    case "MetaSys" where !reader.takeNil():
                        for _ in 0..<(try reader.mapCount()) {
                            if try reader.string().lowercased() == "x-minio-internal-free-version" {
                                isFree = true
                            }
                            try reader.skip()
                        }
                    case "MetaSys": break
                    default: try reader.skip()
                    }
                }
            case "V2Obj", "DelObj": break
            default: try reader.skip()
            }
        }
        guard reader.isAtEnd, let type, (1...3).contains(type), type != 1 || object != nil else {
            throw reader.failure
        }
        self.type = type
    }

    var newest: ObjectMetadata.Newest {
        switch type {
        case 1: object.map { .object($0) } ?? .none
        case 2: .deleted
        default: .legacy
        }
    }
}
