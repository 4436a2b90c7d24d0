// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// What `unpackArchive` would make of an archive.
public struct RehearsedTree: Sendable {
    public struct Entry: Sendable {
        public var kind: ArchiveEntry.Kind
        /// Of a file that was asked for: its first bytes.
        public var head: [UInt8] = []
    }

    /// Entries that were asked for, as `UnpackSummary` counts them.
    public internal(set) var entries = 0
    /// By path; the folder itself is not among them.
    public internal(set) var tree: [[UInt8]: Entry] = [:]
}

/// Reads an archive as `unpackArchive` does, and makes nothing of it: the same entries are refused for the same reasons.
///
/// - Parameter headOf: Whether the beginning of this file is wanted.
/// - Throws: `ArchiveError`, `FileError`, `Interrupted`.
public func rehearseUnpacking(
    _ file: FilePath, options: UnpackOptions, threads: Int, cancellation: Cancellation,
    headOf: @escaping ([UInt8]) -> Bool
) throws -> RehearsedTree {
    let reader = try ArchiveReader(
        file, compression: nil, takesForeign: options.expectedSHA256 == nil, threads: threads,
        cancellation: cancellation, progress: SilentProgress(), pathLimit: options.maxPathBytes,
        use: options.indexUse)
    defer { reader.stop() }
    var rehearsal = UnpackRehearsal(options: options, headOf: headOf)
    while let entry = try reader.next() { try rehearsal.add(entry, reader) }
    _ = reader.finish()
    return try rehearsal.finish(file)
}

private struct UnpackRehearsal {
    let options: UnpackOptions
    let headOf: ([UInt8]) -> Bool
    private var found = RehearsedTree()
    private var symlinks: [[UInt8]] = []
    private var seen = 0
    private var bytes: Int64 = 0

    init(options: UnpackOptions, headOf: @escaping ([UInt8]) -> Bool) {
        self.options = options
        self.headOf = headOf
    }

    mutating func add(_ recorded: ArchiveEntry, _ reader: ArchiveReader) throws {
        seen += 1
        let entry = try options.admit(recorded, number: seen, after: bytes, reader)
        bytes = bytes.adding(entry.size)
        if entry.path.isEmpty, entry.kind == .folder { return }
        if let select = options.select, entry.path.isEmpty || !select(entry.path) { return }
        let taken = found.tree[entry.path]?.kind
        switch entry.kind {
        case .special: throw reader.error(.hostile, "it is a device or a FIFO")
        case _ where entry.path.isEmpty:
            throw reader.error(.hostile, "it stands for the whole folder and is none")
        case .symlink: symlinks.append(entry.path)
        case .folder:
            guard try makeFolders(above: entry.path), taken == nil || taken == .folder else {
                throw noFolder(reader, taken)
            }
            found.tree[entry.path] = .init(kind: .folder)
        case .file:
            guard try makeFolders(above: entry.path) else { throw noFolder(reader, nil) }
            guard taken == nil || taken == .file else {
                throw reader.error(.hostile, "something that is not a file has its name")
            }
            var file = RehearsedTree.Entry(kind: .file)
            if headOf(entry.path) { file.head = try head(reader) }
            found.tree[entry.path] = file
        case .hardLink:
            guard try makeFolders(above: entry.path) else { throw noFolder(reader, nil) }
            if let target = found.tree[entry.linkTarget] {
                guard target.kind == .file else {
                    throw reader.error(.hostile, "it is a hard link to something that is not a file")
                }
                guard taken == nil else { throw reader.error(.hostile, "its name is taken") }
                found.tree[entry.path] = target
            } else if options.select == nil {
                throw reader.error(
                    .hostile, "it is a hard link to “\(printable(entry.linkTarget))”, which is not there")
            } else {
                // Its content comes from a file that is not selected.
                found.tree[entry.path] = .init(kind: .file)
            }
        }
        found.entries += 1
    }

    /// Links are made when everything else is there.
    mutating func finish(_ file: FilePath) throws -> RehearsedTree {
        for path in symlinks {
            guard found.tree[path] == nil else {
                throw ArchiveError(.hostile, file, entry: path, "something else has its name")
            }
            guard try makeFolders(above: path) else {
                throw ArchiveError(.hostile, file, "a folder in it was replaced during the run")
            }
            found.tree[path] = .init(kind: .symlink)
        }
        return found
    }

    private func noFolder(_ reader: ArchiveReader, _ taken: ArchiveEntry.Kind?) -> ArchiveError {
        reader.error(
            .hostile,
            taken == nil
                ? "a component of its path is not a folder" : "something that is not a folder has its name")
    }

    /// - Returns: Whether all that is above is a folder now.
    private mutating func makeFolders(above path: [UInt8]) throws -> Bool {
        for (index, byte) in path.enumerated() where byte == UInt8(ascii: "/") {
            let folder = Array(path[..<index])
            guard let there = found.tree[folder] else {
                found.tree[folder] = .init(kind: .folder)
                continue
            }
            guard there.kind == .folder else { return false }
        }
        return true
    }

    private func head(_ reader: ArchiveReader) throws -> [UInt8] {
        var head: [UInt8] = []
        try reader.content { offset, part in
            guard offset < 64, head.count < 64 else { return }
            head += [UInt8](repeating: 0, count: max(0, Int(offset) - head.count))
            head += part.prefix(64 - head.count)
        }
        return head
    }
}
