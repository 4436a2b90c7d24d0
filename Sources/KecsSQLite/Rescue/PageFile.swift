// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// The pages of a database file, read one at a time through a small cache: the memory that a rescue takes does not grow
/// with the file.
final class PageFile {
    let pageSize: Int
    /// The number of whole pages; the rest that a cut leaves of another one is not counted.
    let count: Int
    private let path: FilePath
    private let descriptor: CInt
    private var cache: [Int: [UInt8]] = [:]
    private var order: [Int] = []

    /// The number of cached pages. An overflowing row alternates between a leaf and its chain; more than some pages are
    /// never needed at once.
    private static let cached = 32

    /// - Parameter file: Must not be open through SQLite in this process: closing it would drop the locks.
    init(_ file: FilePath, pageSize: Int) throws {
        path = file
        self.pageSize = pageSize
        descriptor = file.withPlatformString { paths_open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0) }
        guard descriptor >= 0 else { throw FileError.last("open", file) }
        do {
            count = Int(try FileStatus.of(descriptor: descriptor, at: file).size) / pageSize
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    /// - Parameter number: From 1 to `count`.
    func page(_ number: Int) throws -> [UInt8] {
        if let page = cache[number] { return page }
        var page = [UInt8](repeating: 0, count: pageSize)
        let count = try page.withUnsafeMutableBytes {
            try readFully(descriptor, into: $0, at: Int64(number - 1) * Int64(pageSize), of: path)
        }
        guard count == pageSize else { throw FileError("read page \(number) of", path, .ioError) }
        if order.count >= Self.cached { cache[order.removeFirst()] = nil }
        cache[number] = page
        order.append(number)
        return page
    }
}

/// Numbers of pages, a bit each.
struct PageSet {
    private var words: [UInt64]

    /// - Parameter count: The highest number that can be in it.
    init(upTo count: Int) { words = [UInt64](repeating: 0, count: count / 64 + 1) }

    func contains(_ page: Int) -> Bool {
        page >= 0 && page / 64 < words.count && words[page / 64] >> (page % 64) & 1 == 1
    }

    /// - Returns: True when the page was not in the set and could be inserted.
    @discardableResult
    mutating func insert(_ page: Int) -> Bool {
        guard page >= 0, page / 64 < words.count, !contains(page) else { return false }
        words[page / 64] |= 1 << (page % 64)
        return true
    }
}
