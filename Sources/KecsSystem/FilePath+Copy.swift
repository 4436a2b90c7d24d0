// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import SystemPackage

extension FilePath {
    /// Copies a regular file's bytes into a new file, 0600. Links are not followed, on either side.
    ///
    /// - Parameter check: Called before every 8 MiB. An error that it throws ends the copying and removes the copy.
    public func copyContents(to target: FilePath, check: () throws -> Void = {}) throws {
        let source = withPlatformString { paths_open($0, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0) }
        guard source >= 0 else { throw FileError.last("open", self) }
        defer { close(source) }
        guard try FileStatus.of(descriptor: source, at: self).kind == .file else {
            throw FileError("copy", self, .invalidArgument)
        }
        let copy = target.withPlatformString {
            paths_open($0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        }
        guard copy >= 0 else { throw FileError.last("create", target) }
        defer { close(copy) }
        do {
            var buffer = [UInt8](repeating: 0, count: 1 << 20)
            var sinceCheck = 0
            try check()
            while true {
                let count = read(source, &buffer, buffer.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw FileError.last("read", self)
                }
                if count == 0 { return }
                try buffer.withUnsafeBytes { bytes in
                    try writeFully(UnsafeRawBufferPointer(rebasing: bytes[..<count]), to: copy, of: target)
                }
                sinceCheck += count
                if sinceCheck >= 8 << 20 {
                    sinceCheck = 0
                    try check()
                }
            }
        } catch {
            _ = target.withPlatformString { paths_unlink($0) }
            throw error
        }
    }

    /// Makes an earlier copy equal to this file again, writing only the differences. While a server must stand still
    /// for it, that is mostly reading. Waits for no device.
    ///
    /// - Parameter check: As for `copyContents`; the copy is left as it is when it throws.
    public func updateCopy(_ target: FilePath, check: () throws -> Void = {}) throws {
        let source = withPlatformString { paths_open($0, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0) }
        guard source >= 0 else { throw FileError.last("open", self) }
        defer { close(source) }
        guard try FileStatus.of(descriptor: source, at: self).kind == .file else {
            throw FileError("copy", self, .invalidArgument)
        }
        let copy = target.withPlatformString { paths_open($0, O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0) }
        guard copy >= 0 else { throw FileError.last("open", target) }
        defer { close(copy) }
        let step = 1 << 20
        var new = [UInt8](repeating: 0, count: step)
        var old = [UInt8](repeating: 0, count: step)
        var position: off_t = 0
        while true {
            if position % (8 << 20) == 0 { try check() }
            let count = try new.withUnsafeMutableBytes {
                try readFully(source, into: $0, at: Int64(position), of: self)
            }
            let known = try old.withUnsafeMutableBytes {
                try readFully(copy, into: $0, at: Int64(position), of: target)
            }
            try new.withUnsafeBytes { new in
                try old.withUnsafeBytes { old in
                    try Self.writeDifferences(
                        new[..<count], old[..<min(known, count)], copy, position, target)
                }
            }
            position += off_t(count)
            if count < step { break }
        }
        guard ftruncate(copy, position) == 0 else { throw FileError.last("shorten", target) }
    }

    /// Writes the differences, a page at a time: whole pages go into the page cache without being read first.
    private static func writeDifferences(
        _ new: Slice<UnsafeRawBufferPointer>, _ old: Slice<UnsafeRawBufferPointer>, _ copy: CInt,
        _ position: off_t, _ target: FilePath
    ) throws {
        var start = 0
        while start < new.count {
            let end = min(start + 4096, new.count)
            let page = UnsafeRawBufferPointer(rebasing: new[start..<end])
            var isSame = false
            if end <= old.count, let left = page.baseAddress,
                let right = UnsafeRawBufferPointer(rebasing: old[start..<end]).baseAddress
            {
                isSame = memcmp(left, right, page.count) == 0
            }
            if !isSame { try writeFully(page, to: copy, at: Int64(position) + Int64(start), of: target) }
            start = end
        }
    }

    /// unlink(2).
    public func remove() throws {
        guard withPlatformString({ paths_unlink($0) }) == 0 else { throw FileError.last("remove", self) }
    }
}
