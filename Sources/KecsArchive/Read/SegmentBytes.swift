// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// The memory that the segments of one reader use, one after the other.
final class SegmentMemory {
    /// The largest segment that is read whole: threads for each would cost more than they save.
    static let limit: Int64 = 8 << 20

    fileprivate var bytes: [UInt8] = []
    fileprivate let content = UnsafeMutableRawBufferPointer.allocate(
        byteCount: GzipMember.contentLimit, alignment: Block.alignment)
    fileprivate let inflater = MemberInflater()

    deinit { content.deallocate() }
}

/// The tar in a small segment: the file is read whole and compared with its digest, then inflated member by member.
final class SegmentBytes: StoppablePieces {
    let isStrict = true
    private let file: FilePath
    private let memory: SegmentMemory
    private let isCompressed: Bool
    private let sha256: String
    private let written: WrittenBytes?
    private var members = MemberTally()
    private var table: [UInt8] = []
    private var frames = IndexFrames()
    private let size: Int
    private var offset = 0

    /// - Parameter written: What was written to it a moment ago, when that is all that it may be.
    /// - Throws: `FileError`; `ArchiveError` when it is not the file that the list names.
    init(
        _ file: FilePath, _ segment: Segment, _ compression: Compression?, _ written: WrittenBytes?,
        _ memory: SegmentMemory, _ progress: any ProgressSink
    ) throws {
        self.file = file
        self.memory = memory
        let own = ArchiveReader.compression(of: segment)
        guard compression == nil || (compression == Compression.none) == (own == .none) else {
            throw ArchiveError(.damaged, file, "its name does not fit its compression")
        }
        isCompressed = own != .none
        self.written = own == .none ? nil : written
        let descriptor = file.withPlatformString {
            paths_open($0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0)
        }
        guard descriptor >= 0 else {
            if errno == ENOENT { throw ArchiveError(.damaged, file, "the file is missing") }
            throw FileError.last("open", file)
        }
        defer { close(descriptor) }
        let status = try FileStatus.of(descriptor: descriptor, at: file)
        guard status.kind == .file, status.size == segment.bytes else {
            throw ArchiveError(.damaged, file, "it has \(status.size) bytes instead of \(segment.bytes)")
        }
        let size = Int(segment.bytes)
        if memory.bytes.count < size { memory.bytes = [UInt8](repeating: 0, count: size) }
        let count = try memory.bytes.withUnsafeMutableBytes {
            try readFully(descriptor, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<size]), of: file)
        }
        guard count == size else { throw ArchiveError(.damaged, file, "it became shorter while it was read") }
        if let written = self.written {
            sha256 = written.sha256
        } else {
            sha256 = memory.bytes.withUnsafeBytes { bytes in
                let digest = SHA256()
                digest.update(UnsafeRawBufferPointer(rebasing: bytes[..<size]))
                return digest.finish()
            }
        }
        guard sha256 == segment.sha256 else {
            throw ArchiveError(.damaged, file, "its SHA-256 is \(sha256) instead of \(segment.sha256)")
        }
        self.size = size
        progress.advance(segment.bytes)
    }

    func next() throws -> UnsafeRawBufferPointer? {
        try memory.bytes.withUnsafeBytes { try passFrames($0) }
        guard offset < size else {
            guard frames.isEmpty || frames.whole != nil else { throw indexDamaged() }
            if let written, members != written.members {
                throw ArchiveError(.damaged, file, "its compressed blocks are not those that were written")
            }
            return nil
        }
        return try memory.bytes.withUnsafeBytes { bytes in
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset..<size])
            let room = memory.content
            guard isCompressed else {
                let part = UnsafeRawBufferPointer(rebasing: rest[..<min(rest.count, room.count)])
                room.copyMemory(from: part)
                offset += part.count
                return UnsafeRawBufferPointer(rebasing: room[..<part.count])
            }
            guard frames.isEmpty, rest.count >= GzipMember.headerSize, GzipMember.start(of: rest) == .ours,
                let sizes = GzipMember.sizes(rest), sizes.member <= rest.count,
                let count = memory.inflater.inflate(
                    UnsafeRawBufferPointer(rebasing: rest[..<sizes.member]), into: room)
            else { throw ArchiveError(.damaged, file, "a compressed block is damaged") }
            members.add(rest)
            Varint.put(UInt64(sizes.member), into: &table)
            Varint.put(UInt64(count / Tar.block), into: &table)
            offset += sizes.member
            return UnsafeRawBufferPointer(rebasing: room[..<count])
        }
    }

    /// Passes over the frames of the index, which have no content.
    private func passFrames(_ bytes: UnsafeRawBufferPointer) throws {
        while isCompressed, offset < size {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset..<size])
            guard let frame = IndexFrame.size(rest) else { return }
            guard frame <= rest.count, frames.add(UnsafeRawBufferPointer(rebasing: rest[..<frame])) else {
                throw indexDamaged()
            }
            members.add(rest)
            offset += frame
        }
    }

    private func indexDamaged() -> ArchiveError { ArchiveError(.damaged, file, "its index is damaged") }

    var index: FoundIndex { FoundIndex(stored: frames.whole, members: table) }

    func finish() -> (sha256: String, bytes: Int64) {
        // Read to its end, or it is not known whether it is what was written.
        (written == nil || members == written?.members ? sha256 : "", Int64(size))
    }

    func stop() {}
}
