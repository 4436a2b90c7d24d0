// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// The producing end of an archive: cuts a stream of bytes into the blocks of a `BlockLine`.
final class TarStream {
    private let line: BlockLine
    private let progress: any ProgressSink
    private var block: Block?
    private var total: Int64 = 0
    private var reported: Int64 = 0
    private var index: IndexBuilder?

    /// - Parameter isIndexed: Whether the archives get an index.
    init(_ line: BlockLine, isIndexed: Bool, progress: any ProgressSink) {
        self.line = line
        index = isIndexed ? IndexBuilder() : nil
        self.progress = progress
    }

    /// Returns free memory in the current block, never empty. Bytes put there count after `advance`.
    func room() throws -> UnsafeMutableRawBufferPointer {
        let block: Block
        if let current = self.block, current.inputCount < current.input.count {
            block = current
        } else {
            try flush()
            block = try line.empty()
            self.block = block
        }
        return UnsafeMutableRawBufferPointer(rebasing: block.input[block.inputCount...])
    }

    func advance(_ count: Int) {
        block?.inputCount += count
        total += Int64(count)
    }

    /// Takes note of the entry whose headers come next.
    func begin(_ entry: IndexedFacts) { index?.begin(entry, at: total) }

    /// Takes note of a file's end.
    ///
    /// - Parameter sum: The CRC-64 of what was stored of it.
    func end(sum: UInt64) { index?.end(sum: sum) }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let room = try room()
            let part = min(room.count, rest.count)
            room.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<part]))
            advance(part)
            rest = UnsafeRawBufferPointer(rebasing: rest[part...])
        }
    }

    func zeros(_ count: Int64) throws {
        var rest = count
        while rest > 0 {
            let room = try room()
            let part = Int(min(Int64(room.count), rest))
            UnsafeMutableRawBufferPointer(rebasing: room[..<part]).initializeMemory(
                as: UInt8.self, repeating: 0)
            advance(part)
            rest -= Int64(part)
        }
    }

    func pad() throws { try zeros(Int64(Tar.padding(total))) }

    /// The end of an archive: two blocks of zeros, up to a whole record. Another archive may follow.
    func endArchive() throws {
        let records = index?.finish(at: total)
        try zeros(Int64(2 * Tar.block))
        try zeros(Int64(Tar.padding(total, to: Tar.record)))
        block?.endsArchive = true
        block?.records = records ?? nil
        try flush()
        total = 0
        reported = 0
    }

    /// No archive will follow.
    func finish() { line.finish() }

    private func flush() throws {
        guard block != nil else { return }
        try line.submit()
        block = nil
        progress.advance(total - reported)
        reported = total
    }
}
