// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import Synchronization
import SystemPackage

/// Makes the files and hard links of an archive on a thread of its own, in the order in which they were added.
///
/// The kernel makes files for one thread on one processor only; the thread that reads makes the folders meanwhile. What
/// is added is queued: its error comes out of a later call, at the latest out of `settle`.
final class UnpackedFiles {
    enum Step: Sendable {
        case begin(ArchiveEntry, EntryOrigin)
        /// Bytes of the block, and their place in the file.
        case content(Range<Int>, at: Int64)
        case end
        case hardLink(ArchiveEntry, EntryOrigin)
    }

    /// Blocks under way at once, and their size in bytes: the memory that is used.
    private static let (blocks, blockSize) = (4, MakeFiles.piece)
    /// Entries in one block, and bytes of names and attributes, at most: the memory that is used beside the blocks. One
    /// entry may have more.
    private static let (stepLimit, factsLimit) = (512, 1 << 20)

    private let make: MakeFiles
    private var line: Line?
    private var block: Block?
    private var steps: [Step] = []
    private var facts = 0

    init(_ make: MakeFiles) { self.make = make }

    /// Adds a file with its content.
    func add(_ entry: ArchiveEntry, _ reader: ArchiveReader) throws {
        // A large file's pieces begin where blocks do, so that they can go to the device as they are.
        if entry.size >= MakeFiles.largeFile { try submit() }
        try add(.begin(entry, reader.origin), entry)
        try reader.content { offset, part in
            var rest = part
            var place = offset
            while !rest.isEmpty {
                let block = try room()
                let count = min(rest.count, block.input.count - block.inputCount)
                UnsafeMutableRawBufferPointer(rebasing: block.input[block.inputCount...]).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
                let range = block.inputCount..<block.inputCount + count
                block.inputCount += count
                if case .content(let before, let start)? = steps.last, start + Int64(before.count) == place {
                    steps[steps.count - 1] = .content(before.lowerBound..<range.upperBound, at: start)
                } else {
                    steps.append(.content(range, at: place))
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                place += Int64(count)
            }
        }
        _ = try room()
        steps.append(.end)
    }

    func addLink(_ entry: ArchiveEntry, _ reader: ArchiveReader) throws {
        try add(.hardLink(entry, reader.origin), entry)
    }

    /// Waits until everything that was added has been made.
    func settle() throws {
        try submit()
        guard let line else { return }
        self.line = nil
        try line.finish()
    }

    /// Ends the thread, wherever it is.
    func stop(_ error: any Error) {
        line?.fail(error)
        line = nil
    }

    private func add(_ step: Step, _ entry: ArchiveEntry) throws {
        _ = try room()
        steps.append(step)
        facts += entry.path.count + entry.linkTarget.count
        for (name, value) in entry.xattrs { facts += name.count + value.count }
        if steps.count >= Self.stepLimit || facts >= Self.factsLimit { try submit() }
    }

    /// A block that is not full.
    private func room() throws -> Block {
        if let block, block.inputCount < block.input.count { return block }
        try submit()
        let line = try line ?? Line(make, blocks: Self.blocks, size: Self.blockSize)
        self.line = line
        let empty = try line.empty()
        block = empty
        return empty
    }

    private func submit() throws {
        guard block != nil, let line else { return }
        block = nil
        defer {
            steps = []
            facts = 0
        }
        try line.submit(steps)
    }

    /// The blocks on their way to the thread, and what is to be done with them.
    private final class Line: Sendable {
        private let blocks: BlockLine
        private let steps = Mutex<[[Step]]>([])
        private let thread: Mutex<Threads.Joinable?>

        init(_ make: MakeFiles, blocks count: Int, size: Int) throws {
            let blocks = try BlockLine(blocks: count, inputCapacity: size)
            self.blocks = blocks
            thread = Mutex(nil)
            let started = try Threads.joinable(name: "files") { [self] in
                defer { make.closeFile() }
                do {
                    while let block = try blocks.next() {
                        for step in self.steps.withLock({ $0.removeFirst() }) {
                            try make.take(step, block.filledInput)
                        }
                        blocks.release()
                    }
                } catch { blocks.fail(error) }
            }
            thread.withLock { $0 = started }
        }

        func empty() throws -> Block { try blocks.empty() }

        func submit(_ steps: [Step]) throws {
            self.steps.withLock { $0.append(steps) }
            try blocks.submit()
        }

        func finish() throws {
            blocks.finish()
            join()
            if let error = blocks.error { throw error }
        }

        func fail(_ error: any Error) {
            blocks.fail(error)
            join()
        }

        private func join() {
            let thread = thread.withLock { thread in
                defer { thread = nil }
                return thread
            }
            thread?.join()
        }
    }
}
