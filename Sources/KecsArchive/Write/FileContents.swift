// SPDX-License-Identifier: Apache-2.0
import CIgzip
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// Reads files into an archive, whatever happens to them meanwhile: a header is always followed by as many bytes as it
/// announces.
///
/// A small file is read whole before its header is written, and again while it changes. A large one that changed is
/// written once more at the end, as a newer member of that name; every tar takes the last. A file whose first bytes are
/// the same at a second reading is whole, however much was appended to it meanwhile: it is cut at the size of the first
/// look.
final class FileContents {
    private static let tries = 5
    private static let smallLimit = 1 << 20
    /// The limit for rewriting: a larger file that never rests is written twice, not five times.
    private static let rewriteLimit: Int64 = 1 << 30
    /// Holes of a file that are smaller than this in all are written out: zeros compress to nothing, and busybox knows no
    /// sparse files.
    private static let leastHoles: Int64 = 256 << 20

    struct Outcome {
        /// The status of the file state that is in the archive.
        var status: FileStatus
        var engine: DatabaseEngine?
        var isChanging: Bool
        /// In hexadecimal; nil where it was not asked for, or holes were left out.
        var sha256: String?
    }

    private let stream: TarStream
    private let small = UnsafeMutableRawBufferPointer.allocate(
        byteCount: smallLimit, alignment: Block.alignment)
    /// The buffer for a second reading, which few files need.
    private lazy var again = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Self.smallLimit, alignment: Block.alignment)
    private var usesAgain = false
    /// Of what was read of the current file, where it is wanted.
    private var digest: SHA256?

    init(_ stream: TarStream) { self.stream = stream }

    deinit {
        small.deallocate()
        if usesAgain { again.deallocate() }
    }

    /// - Parameters:
    ///   - isDigested: True to tell the SHA-256 of the content.
    ///   - header: Writes the header of a file with that status, and returns the number of bytes of content that must
    ///     follow.
    func write(
        _ file: CInt, _ status: FileStatus, at path: () -> FilePath, isDigested: Bool = false,
        header: (FileStatus, [Extent]?) throws -> Int64
    ) throws -> Outcome {
        var status = status
        digest = isDigested ? SHA256() : nil
        if status.size <= Self.smallLimit {
            for attempt in 1...Self.tries {
                let count = try readSmall(file, status.size, path, into: small)
                let after = try FileStatus.of(descriptor: file, at: path())
                var isSame = Int64(count) == status.size && after.isUnchanged(since: status)
                if !isSame, Int64(count) == status.size, after.size >= status.size {
                    usesAgain = true
                    isSame =
                        try readSmall(file, status.size, path, into: again) == count
                        && small[..<count].elementsEqual(again[..<count])
                } else {
                    status = after
                }
                if !isSame, attempt < Self.tries {
                    status = after
                    // It grew over the limit.
                    guard status.size <= Self.smallLimit else { break }
                    continue
                }
                status.size = Int64(count)
                let bytes = UnsafeRawBufferPointer(rebasing: small[..<count])
                _ = try header(status, nil)
                try stream.append(bytes)
                var sum = ContentSum()
                sum.add(bytes)
                stream.end(sum: sum.value)
                try stream.pad()
                let engine =
                    DatabaseEngine.mayBeDatabase(size: Int64(count)) ? DatabaseEngine.recognise(bytes) : nil
                digest?.update(bytes)
                return Outcome(
                    status: status, engine: engine, isChanging: !isSame, sha256: digest?.finish())
            }
        }
        return try writeLarge(file, status, path, header)
    }

    private func writeLarge(
        _ file: CInt, _ start: FileStatus, _ path: () -> FilePath,
        _ header: (FileStatus, [Extent]?) throws -> Int64
    ) throws -> Outcome {
        var status = start
        var written: Int64 = 0
        _ = posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL)
        for attempt in 1... {
            let extents = try extents(of: file, status, path)
            digest?.reset()
            let engine = engine(of: file, size: status.size)
            _ = try header(status, extents)
            var isShort = false
            var sum: UInt64 = 0
            for extent in extents ?? [Extent(offset: 0, count: status.size)] {
                let missing = try copy(extent, of: file, path, &sum)
                if missing > 0 { isShort = true }
                try zeros(missing, &sum)
            }
            stream.end(sum: sum)
            try stream.pad()
            written = written.adding(status.size)
            let after = try FileStatus.of(descriptor: file, at: path())
            var isSame = !isShort && after.isUnchanged(since: status)
            if !isSame, !isShort, after.size >= status.size {
                isSame = try isStill(sum, extents, file, status, path)
            }
            let mayTryAgain = attempt < 2 || (attempt < Self.tries && written < Self.rewriteLimit)
            if isSame || !mayTryAgain {
                return Outcome(
                    status: status, engine: engine, isChanging: !isSame,
                    sha256: extents == nil ? digest?.finish() : nil)
            }
            status = after
        }
        preconditionFailure("the loop above ends on its own")
    }

    /// Returns true when a second reading gives the bytes that were written. Then they were the file's content at the
    /// moment between the two readings, whatever came afterwards.
    private func isStill(
        _ sum: UInt64, _ extents: [Extent]?, _ file: CInt, _ status: FileStatus, _ path: () -> FilePath
    ) throws -> Bool {
        if let extents, try self.extents(of: file, status, path) != extents { return false }
        usesAgain = true
        var now: UInt64 = 0
        for extent in extents ?? [Extent(offset: 0, count: status.size)] {
            var done: Int64 = 0
            while done < extent.count {
                let part = Int(min(Int64(again.count), extent.count - done))
                let count = pread(file, again.baseAddress, part, off_t(extent.offset + done))
                if count < 0 {
                    if errno == EINTR { continue }
                    throw FileError.last("read", path())
                }
                if count == 0 { return false }
                now = crc64_ecma_refl(now, again.baseAddress, UInt64(count))
                done += Int64(count)
            }
        }
        return now == sum
    }

    /// - Parameter sum: A CRC that is continued over the bytes read.
    /// - Returns: The number of bytes by which the file turned out to be too short.
    private func copy(
        _ extent: Extent, of file: CInt, _ path: () -> FilePath, _ sum: inout UInt64
    ) throws -> Int64 {
        var done: Int64 = 0
        while done < extent.count {
            let room = try stream.room()
            let part = Int(min(Int64(room.count), extent.count - done))
            let count = pread(file, room.baseAddress, part, off_t(extent.offset + done))
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError.last("read", path())
            }
            if count == 0 { break }
            sum = crc64_ecma_refl(sum, room.baseAddress, UInt64(count))
            digest?.update(UnsafeRawBufferPointer(start: room.baseAddress, count: count))
            stream.advance(count)
            done += Int64(count)
        }
        return extent.count - done
    }

    /// Stands in for what a file had no longer when it was read.
    private func zeros(_ count: Int64, _ sum: inout UInt64) throws {
        var rest = count
        while rest > 0 {
            let room = try stream.room()
            let part = UnsafeMutableRawBufferPointer(rebasing: room[..<Int(min(Int64(room.count), rest))])
            part.initializeMemory(as: UInt8.self, repeating: 0)
            sum = crc64_ecma_refl(
                sum, part.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(part.count))
            digest?.update(UnsafeRawBufferPointer(part))
            stream.advance(part.count)
            rest -= Int64(part.count)
        }
    }

    /// - Parameter expected: The expected end. The bytes behind it are not read, since a file that grew has a new time.
    /// - Returns: The number of bytes read.
    private func readSmall(
        _ file: CInt, _ expected: Int64, _ path: () -> FilePath, into room: UnsafeMutableRawBufferPointer
    ) throws -> Int {
        try readFully(
            file, into: UnsafeMutableRawBufferPointer(rebasing: room[..<Int(expected)]), at: 0, of: path())
    }

    func engine(of file: CInt, size: Int64) -> DatabaseEngine? {
        guard DatabaseEngine.mayBeDatabase(size: size) else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) { room in
            guard pread(file, room.baseAddress, 16, 0) == 16 else { return nil }
            return DatabaseEngine.recognise(UnsafeRawBufferPointer(room))
        }
    }

    /// Returns the file's data extents, or nil when everything is to be written. Holes too small to matter count as data
    /// when there are very many, so that the map stays small.
    private func extents(of file: CInt, _ status: FileStatus, _ path: () -> FilePath) throws -> [Extent]? {
        guard status.size - status.blocks * 512 >= Self.leastHoles else { return nil }
        var smallestHole: Int64 = 1
        while true {
            guard let extents = try extents(of: file, status.size, smallestHole, path) else { return nil }
            if extents.count <= 4096 {
                return status.size - extents.total(\.count) < Self.leastHoles ? nil : extents
            }
            smallestHole = max(smallestHole * 8, 4096)
        }
    }

    private func extents(
        of file: CInt, _ size: Int64, _ smallestHole: Int64, _ path: () -> FilePath
    ) throws -> [Extent]? {
        var extents: [Extent] = []
        var position: Int64 = 0
        while position < size {
            let data = lseek(file, off_t(position), clinux_seek_data)
            if data < 0 {
                if errno == ENXIO { break }
                if errno == EINVAL || errno == EOPNOTSUPP { return nil }
                throw FileError.last("find holes in", path())
            }
            if Int64(data) >= size { break }
            let hole = lseek(file, data, clinux_seek_hole)
            guard hole >= 0 else { throw FileError.last("find holes in", path()) }
            let end = min(Int64(hole), size)
            if let last = extents.last, Int64(data) - (last.offset + last.count) < smallestHole {
                extents[extents.count - 1].count = end - last.offset
            } else {
                extents.append(Extent(offset: Int64(data), count: end - Int64(data)))
            }
            position = end
        }
        return extents
    }
}

extension FileStatus {
    fileprivate func isUnchanged(since earlier: FileStatus) -> Bool {
        size == earlier.size && modified == earlier.modified && changed == earlier.changed
            && inode == earlier.inode
    }
}
