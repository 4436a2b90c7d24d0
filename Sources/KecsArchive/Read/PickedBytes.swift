// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// The tar that holds only some of an archive's entries: of the file, no members are read but theirs.
final class PickedBytes: StoppablePieces {
    let isStrict = true
    private let archive: ArchiveIndex
    private let file: CInt
    private let cancellation: Cancellation
    private let progress: any ProgressSink
    private let inflater = MemberInflater()
    private let compressed = UnsafeMutableRawBufferPointer.allocate(
        byteCount: GzipMember.sizeLimit, alignment: Block.alignment)
    private let content = UnsafeMutableRawBufferPointer.allocate(
        byteCount: GzipMember.contentLimit, alignment: Block.alignment)
    private var rest: ArraySlice<Range<Int64>>
    private var filled: (number: Int, count: Int)?
    private var total: Int64 = 0
    private var hasEnded = false

    /// - Parameter ranges: Of the entries in the tar, in order.
    init(
        _ index: ArchiveIndex, _ ranges: [Range<Int64>], _ cancellation: Cancellation,
        _ progress: any ProgressSink
    ) throws {
        archive = index
        rest = ranges[...]
        self.cancellation = cancellation
        self.progress = progress
        file = index.file.withPlatformString {
            paths_open($0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0)
        }
        guard file >= 0 else { throw FileError.last("open", index.file) }
    }

    deinit {
        if file >= 0 { close(file) }
        compressed.deallocate()
        content.deallocate()
    }

    func next() throws -> UnsafeRawBufferPointer? {
        try cancellation.check()
        guard let range = rest.first else { return end() }
        let number = archive.members.partitionPoint { $0.contentOffset > range.lowerBound } - 1
        guard archive.members.indices.contains(number) else { throw damaged("an entry is behind its end") }
        let member = archive.members[number]
        try fill(number, member)
        let start = Int(range.lowerBound - member.contentOffset)
        let count = Int(min(Int64(member.contentSize - start), range.upperBound - range.lowerBound))
        guard count > 0 else { throw damaged("an entry is behind its end") }
        let upper = range.lowerBound + Int64(count)
        if upper == range.upperBound {
            rest.removeFirst()
        } else {
            rest[rest.startIndex] = upper..<range.upperBound
        }
        total += Int64(count)
        return UnsafeRawBufferPointer(rebasing: content[start..<(start + count)])
    }

    /// Two blocks of zeros, and what makes a whole record.
    private func end() -> UnsafeRawBufferPointer? {
        guard !hasEnded else { return nil }
        hasEnded = true
        let count = 2 * Tar.block + Tar.padding(total + Int64(2 * Tar.block), to: Tar.record)
        let zeros = UnsafeMutableRawBufferPointer(rebasing: content[..<count])
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
        filled = nil
        return UnsafeRawBufferPointer(zeros)
    }

    private func fill(_ number: Int, _ member: ArchiveIndex.Member) throws {
        guard filled?.number != number else { return }
        filled = nil
        let room = UnsafeMutableRawBufferPointer(rebasing: compressed[..<member.size])
        let count = try readFully(file, into: room, at: member.offset, of: archive.file)
        guard count == member.size,
            GzipMember.start(of: UnsafeRawBufferPointer(room)) == .ours,
            inflater.inflate(UnsafeRawBufferPointer(room), into: content) == member.contentSize
        else { throw damaged("a compressed block is damaged") }
        filled = (number, member.contentSize)
        progress.advance(Int64(member.size))
    }

    var index: FoundIndex { FoundIndex() }

    func finish() -> (sha256: String, bytes: Int64) { ("", 0) }

    func stop() {}

    private func damaged(_ why: String) -> ArchiveError { ArchiveError(.damaged, archive.file, why) }
}
