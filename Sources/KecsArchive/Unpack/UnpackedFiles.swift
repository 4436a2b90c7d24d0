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
        case begin(ArchiveEntry, isLarge: Bool, EntryOrigin)
        /// Bytes of the block, and their place in the file.
        case content(Range<Int>, at: Int64)
        case end
        case hardLink(ArchiveEntry, EntryOrigin)
    }

    /// Blocks under way at once, and their size in bytes: the memory that is used.
    private static let (blocks, blockSize) = (4, MakeFiles.piece)
    /// Steps in one block, and bytes of names and attributes: the memory that is used beside the blocks.
    private static let (stepLimit, factsLimit) = (1_024, 1 << 20)
    /// Bytes that a list of attributes takes for each of them, beside their names and values.
    private static let attributeCost = 64

    private let make: MakeFiles
    private let isKept: Bool
    private var line: Line?
    private var block: Block?
    private var steps: [Step] = []
    private var facts = 0

    /// - Parameter isKept: As in `UnpackOptions`.
    init(_ make: MakeFiles, isKept: Bool) {
        self.make = make
        self.isKept = isKept
    }

    /// Adds a file with its content.
    func add(_ recorded: ArchiveEntry, _ reader: ArchiveReader) throws {
        var entry = recorded
        let stored = entry.extents?.reduce(0) { $0.adding($1.count) } ?? entry.size
        let isLarge = isKept && stored >= MakeFiles.largeFile
        // It is only of use to the reader.
        entry.extents = nil
        // A large file's pieces begin where blocks do, so that they can go to the device as they are.
        if isLarge { try submit() }
        let origin = reader.origin
        try add(.begin(entry, isLarge: isLarge, origin), entry, origin)
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
                    if steps.count >= Self.stepLimit { try submit() }
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                place += Int64(count)
            }
        }
        _ = try room()
        steps.append(.end)
    }

    func addLink(_ recorded: ArchiveEntry, _ reader: ArchiveReader) throws {
        // The file has all that there is beside the names.
        var entry = ArchiveEntry(
            path: recorded.path, kind: .hardLink, mode: recorded.mode, owner: recorded.owner,
            group: recorded.group, modified: recorded.modified)
        entry.linkTarget = recorded.linkTarget
        let origin = reader.origin
        try add(.hardLink(entry, origin), entry, origin)
    }

    /// - Throws: The error of what was added before.
    func check() throws { try line?.check() }

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

    private func add(_ step: Step, _ entry: ArchiveEntry, _ origin: EntryOrigin) throws {
        _ = try room()
        steps.append(step)
        // The recorded path may be longer than the path.
        var more = entry.path.count + entry.linkTarget.count + origin.path.count
        more += (entry.accessACL?.count ?? 0) + (entry.defaultACL?.count ?? 0)
        for (name, value) in entry.xattrs { more += name.count + value.count + Self.attributeCost }
        facts += more
        if steps.count >= Self.stepLimit || facts >= Self.factsLimit { try submit() }
        // There are never two of that size at once.
        if more >= Self.factsLimit { try line?.drain() }
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

    /// The blocks on their way to the thread, and what is to be done with them. Where no thread is to be had, the one that
    /// adds does everything.
    private final class Line {
        private let blocks: BlockLine
        private let queue = Queue()
        private let make: MakeFiles
        private var thread: Threads.Joinable?
        private var submitted = 0

        private final class Queue: Sendable {
            let steps = Mutex<[[Step]]>([])
        }

        init(_ make: MakeFiles, blocks count: Int, size: Int) throws {
            let blocks = try BlockLine(blocks: count, inputCapacity: size)
            self.blocks = blocks
            self.make = make
            thread = try? Threads.joinable(name: "files") { [queue] in
                defer { make.closeFile() }
                do {
                    while try Self.takeNext(blocks, queue, make) {}
                } catch { blocks.fail(error) }
            }
        }

        func empty() throws -> Block { try blocks.empty() }

        func submit(_ steps: [Step]) throws {
            queue.steps.withLock { $0.append(steps) }
            try blocks.submit()
            if thread == nil { _ = try Self.takeNext(blocks, queue, make) }
        }

        func drain() throws { try blocks.drain() }

        func check() throws { if let error = blocks.error { throw error } }

        func finish() throws {
            blocks.finish()
            join()
            try check()
        }

        func fail(_ error: any Error) {
            blocks.fail(error)
            join()
        }

        private func join() {
            if thread == nil { make.closeFile() }
            thread?.join()
            thread = nil
        }

        private static func takeNext(_ blocks: BlockLine, _ queue: Queue, _ make: MakeFiles) throws -> Bool {
            guard let block = try blocks.next() else { return false }
            for step in queue.steps.withLock({ $0.removeFirst() }) { try make.take(step, block.filledInput) }
            blocks.release()
            return true
        }
    }
}
