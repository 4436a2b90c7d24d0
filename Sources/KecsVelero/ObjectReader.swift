// SPDX-License-Identifier: Apache-2.0
import CHashes
import Glibc
public import KecsSystem
import SystemPackage

/// Reads an object from its first byte to its last, a block at a time. It hands over only bytes that their checksum
/// confirms. One block is in memory.
public final class ObjectReader {
    /// MinIO's constant key of the checksums ("bitrot").
    private static let key: [UInt8] = [
        0x4b, 0xe7, 0x34, 0xfa, 0x8e, 0x23, 0x8a, 0xcd, 0x26, 0x3e, 0x83, 0xe6, 0xbb, 0x96, 0x85, 0x52,
        0x04, 0x0f, 0x93, 0x5d, 0xa3, 0x9f, 0x44, 0x14, 0x97, 0xe0, 0x9d, 0x13, 0x22, 0xde, 0x36, 0xa0,
    ]
    private static let checksumSize = Int(ObjectVersion.checksumSize)
    /// The size of a piece of a plain file, which has no blocks.
    private static let pieceSize: Int64 = 1 << 20

    public let object: StoredObject
    /// The number of blocks whose checksum was confirmed.
    public private(set) var blocks = 0
    /// The number of bytes that were handed over.
    public private(set) var bytes: Int64 = 0

    private let store: ObjectStore
    private let cancellation: Cancellation
    private let progress: any ProgressSink
    private var room = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var file: CInt = -1
    private var fileName = ""
    /// The position in the part, or in the inline data.
    private var position: Int64 = 0
    private var part = -1
    /// The bytes of the part's content that are left.
    private var left: Int64 = 0
    private let digest: MD5?
    private var isDone = false

    /// - Parameter object: An object that `store.object` has found.
    public init(
        _ object: StoredObject, in store: ObjectStore, cancellation: Cancellation,
        progress: any ProgressSink = SilentProgress()
    ) {
        self.progress = progress
        self.object = object
        self.store = store
        self.cancellation = cancellation
        digest = object.layout == .plain && object.hasChecksum ? MD5() : nil
    }

    deinit {
        if file >= 0 { close(file) }
        room.deallocate()
    }

    /// Reads the next piece.
    ///
    /// - Returns: A piece, valid until the next call; nil after the last, when everything has been confirmed.
    /// - Throws: `ObjectProblem`, `FileError`, `Interrupted`.
    public func next() throws -> UnsafeRawBufferPointer? {
        guard !isDone else { return nil }
        try cancellation.check()
        let piece: UnsafeRawBufferPointer? =
            switch object.content {
            case .inline(let data, let blockSize): try nextInline(data, blockSize)
            case .parts(let parts, let folder, let blockSize): try nextOf(parts, folder, blockSize)
            case .file: try nextOfFile()
            }
        guard let piece else {
            isDone = true
            return nil
        }
        bytes += Int64(piece.count)
        progress.advance(Int64(piece.count))
        return piece
    }

    /// Returns the whole content of a small object.
    ///
    /// - Parameter limit: The largest size in bytes; a larger object is an error.
    public func contents(limit: Int) throws -> [UInt8] {
        guard object.size <= Int64(limit) else {
            throw problem(.unreadable, "it is larger than \(limit) bytes")
        }
        var all: [UInt8] = []
        while let piece = try next() { all.append(contentsOf: piece) }
        return all
    }

    /// Reads and checks everything to the end.
    public func verify() throws {
        while try next() != nil {}
    }

    /// Checks that the files exist and have the right size, without reading them.
    public func checkSizes() throws {
        guard case .parts(let parts, let folder, let blockSize) = object.content else { return }
        for part in parts where part.size > 0 {
            try cancellation.check()
            let name = partName(part, folder)
            guard let (file, status) = try store.folder.openFile(name) else {
                throw problem(.damaged, "part.\(part.number) is missing")
            }
            close(file)
            try check(status, part, blockSize)
        }
    }

    // MARK: Blocks

    private func nextInline(_ data: [UInt8], _ blockSize: Int64) throws -> UnsafeRawBufferPointer? {
        let content = object.size - bytes
        guard content > 0 else { return nil }
        let count = Int(min(blockSize, content))
        // The lookup of the object has checked the length.
        let start = Int(position)
        makeRoom(count + Self.checksumSize)
        data.withUnsafeBytes { all in
            room.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: all[start..<(start + count + Self.checksumSize)]))
        }
        position += Int64(count + Self.checksumSize)
        return try confirmed(count, of: "its data")
    }

    private func nextOf(
        _ parts: [ObjectVersion.Part], _ folder: String, _ blockSize: Int64
    ) throws -> UnsafeRawBufferPointer? {
        while left == 0 {
            part += 1
            guard part < parts.count else { return nil }
            if parts[part].size > 0 { try open(parts[part], folder, blockSize) }
        }
        let count = Int(min(blockSize, left))
        makeRoom(count + Self.checksumSize)
        let wanted = UnsafeMutableRawBufferPointer(rebasing: room[..<(count + Self.checksumSize)])
        guard
            try readFully(file, into: wanted, at: position, of: store.path.appending(fileName))
                == wanted.count
        else {
            throw problem(.damaged, "part.\(parts[part].number) became shorter while it was read")
        }
        position += Int64(wanted.count)
        left -= Int64(count)
        return try confirmed(count, of: "part.\(parts[part].number)")
    }

    /// Returns the content of a block after checking its checksum, which stands before it.
    private func confirmed(_ count: Int, of name: String) throws -> UnsafeRawBufferPointer {
        let content = UnsafeRawBufferPointer(
            rebasing: room[Self.checksumSize..<(Self.checksumSize + count)])
        let isRight = withUnsafeTemporaryAllocation(byteCount: Self.checksumSize, alignment: 8) { hash in
            hashes_highway256(
                Self.key, content.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(count),
                hash.baseAddress?.assumingMemoryBound(to: UInt8.self))
            return room[..<Self.checksumSize].elementsEqual(hash)
        }
        guard isRight else {
            throw problem(.damaged, "block \(blocks + 1) (\(name)) does not have its checksum")
        }
        blocks += 1
        return content
    }

    private func open(_ part: ObjectVersion.Part, _ folder: String, _ blockSize: Int64) throws {
        if file >= 0 { close(file) }
        file = -1
        fileName = partName(part, folder)
        guard let (file, status) = try store.folder.openFile(fileName) else {
            throw problem(.damaged, "part.\(part.number) is missing")
        }
        self.file = file
        try check(status, part, blockSize)
        _ = posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL)
        position = 0
        left = part.size
    }

    private func check(_ status: FileStatus, _ part: ObjectVersion.Part, _ blockSize: Int64) throws {
        let expected = part.size + (part.size + blockSize - 1) / blockSize * ObjectVersion.checksumSize
        guard status.size == expected else {
            throw problem(
                .damaged, "part.\(part.number) is \(status.size) bytes long, and should be \(expected)")
        }
    }

    private func partName(_ part: ObjectVersion.Part, _ folder: String) -> String {
        "\(object.path)/\(folder)/part.\(part.number)"
    }

    // MARK: Plain files

    private func nextOfFile() throws -> UnsafeRawBufferPointer? {
        if file < 0 {
            guard let (file, status) = try store.folder.openFile(object.path) else {
                throw problem(.damaged, "it went away while it was read")
            }
            self.file = file
            guard status.size == object.size else { throw problem(.damaged, "it changed while it was read") }
            _ = posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL)
        }
        let count = Int(min(Self.pieceSize, object.size - bytes))
        guard count > 0 else {
            if let digest, let etag = object.etag?.lowercased(), digest.finish() != etag {
                throw problem(.damaged, "its bytes do not have the MD5 that the store noted (\(etag))")
            }
            return nil
        }
        makeRoom(count)
        let wanted = UnsafeMutableRawBufferPointer(rebasing: room[..<count])
        guard try readFully(file, into: wanted, at: bytes, of: store.path.appending(object.path)) == count
        else {
            throw problem(.damaged, "it became shorter while it was read")
        }
        digest?.update(UnsafeRawBufferPointer(wanted))
        return UnsafeRawBufferPointer(wanted)
    }

    /// Grows the buffer to `count` bytes, never beyond the largest block of the object.
    private func makeRoom(_ count: Int) {
        guard room.count < count else { return }
        room.deallocate()
        room = .allocate(byteCount: count, alignment: 64)
    }

    private func problem(_ kind: ObjectProblem.Kind, _ why: String) -> ObjectProblem {
        ObjectProblem(kind, object.path, why)
    }
}
