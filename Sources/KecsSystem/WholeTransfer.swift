// SPDX-License-Identifier: Apache-2.0
import Glibc
public import SystemPackage

/// Reads from a descriptor until the buffer is full or the file ends. A signal interrupts nothing.
///
/// - Parameters:
///   - offset: The place in the file; nil for where the descriptor stands.
///   - path: The file's path, only put together for an error.
/// - Returns: The number of bytes; less than the buffer's size only at the end of the file.
/// - Throws: `FileError`.
public func readFully(
    _ file: CInt, into room: UnsafeMutableRawBufferPointer, at offset: Int64? = nil,
    of path: @autoclosure () -> FilePath
) throws -> Int {
    var done = 0
    while done < room.count {
        let start = room.baseAddress.map { $0 + done }
        let count =
            if let offset {
                pread(file, start, room.count - done, off_t(offset) + off_t(done))
            } else {
                read(file, start, room.count - done)
            }
        if count < 0 {
            if errno == EINTR { continue }
            throw FileError.last("read", path())
        }
        if count == 0 { break }
        done += count
    }
    return done
}

/// Writes all of the bytes. A signal interrupts nothing.
///
/// - Parameters:
///   - offset: The place in the file; nil for where the descriptor stands.
///   - path: The file's path, only put together for an error.
/// - Throws: `FileError`; some of the bytes may be written then.
public func writeFully(
    _ bytes: UnsafeRawBufferPointer, to file: CInt, at offset: Int64? = nil,
    of path: @autoclosure () -> FilePath
) throws {
    var done = 0
    while done < bytes.count {
        let start = bytes.baseAddress.map { $0 + done }
        let count =
            if let offset {
                pwrite(file, start, bytes.count - done, off_t(offset) + off_t(done))
            } else {
                write(file, start, bytes.count - done)
            }
        if count < 0 {
            if errno == EINTR { continue }
            throw FileError.last("write to", path())
        }
        done += count
    }
}
