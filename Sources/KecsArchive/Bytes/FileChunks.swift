// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import KecsSystem
public import SystemPackage

/// Reads a file from its start, in pieces of 1 MiB, past the page cache where the file system can.
final class FileChunks {
    static let size = 1 << 20
    private let path: FilePath
    private let file: CInt
    private var isDirect: Bool
    /// The file's size in bytes when it was opened.
    private(set) var expected: Int64 = 0

    /// - Parameter cached: True reads through the page cache. It saves small files an access to the device each, and proves
    ///   nothing about the device.
    init(_ path: FilePath, cached: Bool = false) throws {
        self.path = path
        // A FIFO in the archive's place must not hang us.
        file = path.withPlatformString { paths_open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0) }
        guard file >= 0 else { throw FileError.last("open", path) }
        isDirect = false
        let status = try FileStatus.of(descriptor: file, at: path)
        guard status.kind == .file else { throw FileError("read", path, .invalidArgument) }
        expected = status.size
        isDirect = !cached && fcntl(file, F_SETFL, clinux_o_direct) == 0
    }

    deinit { close(file) }

    /// Fills `room` up to the file's end; returns 0 at the end.
    ///
    /// - Parameter room: Page-aligned, its size too.
    func read(into room: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < room.count {
            let count = Glibc.read(file, room.baseAddress?.advanced(by: filled), room.count - filled)
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EINVAL, isDirect {
                    isDirect = false
                    _ = fcntl(file, F_SETFL, 0)
                    continue
                }
                throw FileError.last("read", path)
            }
            if count == 0 { break }
            filled += count
            if isDirect, count % Block.alignment != 0 {
                // Usually the end of the file; further reads would not be aligned.
                isDirect = false
                _ = fcntl(file, F_SETFL, 0)
            }
        }
        return filled
    }
}

/// Returns the SHA-256 of a whole file.
///
/// - Parameter cached: False reads past the page cache, as a proof of what the device holds. True reads through it, for
///   many small files.
public func digest(
    of file: FilePath, cached: Bool = false, cancellation: Cancellation = Cancellation(),
    progress: any ProgressSink = SilentProgress()
) throws -> (sha256: String, bytes: Int64) {
    let digest = SHA256()
    var bytes: Int64 = 0
    try readChunks(of: file, cached, cancellation, progress) {
        digest.update($0)
        bytes += Int64($0.count)
    }
    return (digest.finish(), bytes)
}

/// The sum of a file's content, as `ArchiveEntry.contentSum`, of as many bytes as it has.
///
/// - Parameter cached: As for `digest`.
public func contentSum(
    of file: FilePath, cached: Bool = false, cancellation: Cancellation = Cancellation(),
    progress: any ProgressSink = SilentProgress()
) throws -> UInt64 {
    var sum = ContentSum()
    try readChunks(of: file, cached, cancellation, progress) { sum.add($0) }
    return sum.value
}

private func readChunks(
    of file: FilePath, _ cached: Bool, _ cancellation: Cancellation, _ progress: any ProgressSink,
    each: (UnsafeRawBufferPointer) throws -> Void
) throws {
    let chunks = try FileChunks(file, cached: cached)
    // For direct reading the kernel maps every page of it first, which costs more than a small file's content.
    let wanted = Int(min(Int64(FileChunks.size), max(1, chunks.expected)))
    let room = UnsafeMutableRawBufferPointer.allocate(
        byteCount: (wanted + Block.alignment - 1) / Block.alignment * Block.alignment,
        alignment: Block.alignment)
    defer { room.deallocate() }
    while true {
        try cancellation.check()
        let count = try chunks.read(into: room)
        if count == 0 { return }
        try each(UnsafeRawBufferPointer(rebasing: room[..<count]))
        progress.advance(Int64(count))
    }
}
