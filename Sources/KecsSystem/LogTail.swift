// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import SystemPackage

/// The end of a log file, read backwards.
public struct LogTail: Sendable {
    private let file: FilePath

    public init(_ file: FilePath) { self.file = file }

    /// Returns at most the last `count` whole lines, without their ends; none when there is no file. Reads no more than
    /// the last 4 MiB.
    public func last(_ count: Int) throws -> [String] {
        try lines(last: count).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Returns the raw bytes of the lines, and the end of the file at that time.
    private func lines(last count: Int) throws -> [ArraySlice<UInt8>] {
        guard let status = try FileStatus.of(file) else { return [] }
        let descriptor = file.withPlatformString { paths_open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0) }
        guard descriptor >= 0 else { throw FileError.last("open", file) }
        defer { close(descriptor) }
        let start = max(0, status.size - 4 << 20)
        var bytes = [UInt8](repeating: 0, count: Int(status.size - start))
        let got = pread(descriptor, &bytes, bytes.count, off_t(start))
        guard got >= 0 else { throw FileError.last("read", file) }
        bytes.removeSubrange(got...)
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.isEmpty { return [] }
        return bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).suffix(count)
    }

    /// Hands over appended bytes as they come, until cancelled. A file that shrinks or is replaced is read from its
    /// beginning.
    public func follow(
        clock: any WallClock, cancellation: Cancellation, _ hand: ([UInt8]) throws -> Void
    ) async throws {
        var position = try FileStatus.of(file)?.size ?? 0
        var inode = try FileStatus.of(file)?.inode
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            try cancellation.check()
            if let status = try FileStatus.of(file) {
                if status.inode != inode || status.size < position {
                    position = 0
                    inode = status.inode
                }
                if status.size > position {
                    let descriptor = file.withPlatformString {
                        paths_open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0)
                    }
                    guard descriptor >= 0 else { throw FileError.last("open", file) }
                    defer { close(descriptor) }
                    let got = pread(descriptor, &buffer, buffer.count, off_t(position))
                    guard got >= 0 else { throw FileError.last("read", file) }
                    position += Int64(got)
                    try hand(Array(buffer[..<got]))
                    continue
                }
            }
            try await clock.sleep(for: .milliseconds(100))
        }
    }
}
