// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import SystemPackage

/// Entries that can only be finished after all others: folders' modes and times, symlinks. A few are kept in memory,
/// more in a file without a name.
final class DeferredEntries {
    private static let memoryLimit = 8 << 20
    private let root: CInt
    private let rootPath: FilePath
    private var recent: [UInt8] = []
    private var spilled: Int64 = 0
    private var file: CInt = -1
    private var index: [(depth: Int32, offset: Int64)] = []

    init(root: CInt, path: FilePath) {
        self.root = root
        rootPath = path
    }

    deinit { if file >= 0 { close(file) } }

    func add(_ entry: ArchiveEntry) throws {
        var depth: Int32 = entry.path.isEmpty ? 0 : 1
        for byte in entry.path where byte == UInt8(ascii: "/") { depth += 1 }
        index.append((depth, spilled + Int64(recent.count)))
        recent.append(contentsOf: Self.encode(entry))
        if recent.count >= Self.memoryLimit { try spill() }
    }

    /// The deepest first; entries of the same depth in the order they were added.
    func forEachDeepestFirst(_ body: (ArchiveEntry) throws -> Void) throws {
        // Stable: one bucket for each depth.
        var order = Array(index.indices)
        order.sort { (index[$1].depth, $0) < (index[$0].depth, $1) }
        for position in order { try body(try read(at: index[position].offset)) }
    }

    func forEach(_ body: (ArchiveEntry) throws -> Void) throws {
        for place in index { try body(try read(at: place.offset)) }
    }

    private func spill() throws {
        if file < 0 {
            file = openat(root, ".", O_RDWR | clinux_o_tmpfile | O_CLOEXEC, 0o600)
            // A file system that has no such files: memory is used.
            guard file >= 0 else { return }
        }
        try recent.withUnsafeBytes { try writeFully($0, to: file, at: spilled, of: rootPath) }
        spilled += Int64(recent.count)
        recent.removeAll(keepingCapacity: true)
    }

    private func read(at offset: Int64) throws -> ArchiveEntry {
        if offset >= spilled {
            let start = Int(offset - spilled)
            let count = Int(recent.withUnsafeBytes { $0.get(at: start) })
            return Self.decode(recent[(start + 4)..<(start + 4 + count)])
        }
        let head = try read(4, at: offset)
        let count = Int(head.withUnsafeBytes { $0.get(at: 0) })
        return Self.decode(try read(count, at: offset + 4)[...])
    }

    private func read(_ count: Int, at offset: Int64) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = try bytes.withUnsafeMutableBytes {
            try readFully(file, into: $0, at: offset, of: rootPath)
        }
        guard got == count else { throw FileError("read a temporary file in", rootPath, .ioError) }
        return bytes
    }

    // MARK: One entry as bytes

    private static func encode(_ entry: ArchiveEntry) -> [UInt8] {
        var bytes: [UInt8] = [0, 0, 0, 0]
        func put(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        func put(_ text: [UInt8]) {
            put(UInt32(text.count))
            bytes.append(contentsOf: text)
        }
        put(entry.mode)
        put(entry.owner)
        put(entry.group)
        put(entry.modified.seconds)
        put(entry.modified.nanoseconds)
        put(entry.path)
        put(entry.linkTarget)
        put(entry.accessACL ?? [])
        put(entry.defaultACL ?? [])
        put(UInt32(entry.xattrs.count))
        for (name, value) in entry.xattrs {
            put(name)
            put(value)
        }
        let count = UInt32(bytes.count - 4)
        bytes.withUnsafeMutableBytes { $0.put(count, at: 0) }
        return bytes
    }

    private static func decode(_ record: ArraySlice<UInt8>) -> ArchiveEntry {
        var rest = record
        func number<Number: FixedWidthInteger>(_: Number.Type) -> Number {
            let value = rest.withUnsafeBytes { $0.loadUnaligned(as: Number.self) }
            rest = rest.dropFirst(MemoryLayout<Number>.size)
            return Number(littleEndian: value)
        }
        func text() -> [UInt8] {
            let count = Int(number(UInt32.self))
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        let mode = number(UInt32.self)
        let owner = number(UInt32.self)
        let group = number(UInt32.self)
        let modified = Moment(seconds: number(Int64.self), nanoseconds: number(Int32.self))
        let path = text()
        let link = text()
        var entry = ArchiveEntry(
            path: path, kind: link.isEmpty ? .folder : .symlink, mode: mode, owner: owner, group: group,
            modified: modified)
        entry.linkTarget = link
        let access = text()
        let inherited = text()
        entry.accessACL = access.isEmpty ? nil : access
        entry.defaultACL = inherited.isEmpty ? nil : inherited
        for _ in 0..<number(UInt32.self) { entry.xattrs.append((text(), text())) }
        return entry
    }
}
