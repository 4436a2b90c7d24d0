// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem

/// A piece of memory that travels through a `BlockLine`; one thread has it at a time.
final class Block {
    static let alignment = 4096
    let input: UnsafeMutableRawBufferPointer
    let output: UnsafeMutableRawBufferPointer
    /// The number of bytes of `input` that are filled.
    var inputCount = 0
    /// The number of bytes of `output` that are filled. A line without workers hands `input` on.
    var outputCount = 0
    /// True for the last block of an archive, when several follow each other.
    var endsArchive = false
    /// Of the last block of an archive: the records of its index, if it gets one.
    var records: [UInt8]?

    fileprivate init(inputCapacity: Int, outputCapacity: Int) {
        input = .allocate(byteCount: inputCapacity, alignment: Self.alignment)
        output = .allocate(byteCount: outputCapacity, alignment: Self.alignment)
    }

    deinit {
        input.deallocate()
        output.deallocate()
    }

    var filledInput: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: input[..<inputCount]) }
    var filledOutput: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: output[..<outputCount]) }
}

/// Blocks that go through worker threads side by side and come out in the order they went in.
///
/// One thread fills (`empty`, `submit`, `finish`), one takes (`next`, `release`), the workers stand between them. The
/// number of blocks is fixed, so memory is too. The first error of any thread stops all of them, and every call throws
/// it from then on.
final class BlockLine: @unchecked Sendable {
    // @unchecked: everything below is only touched under `lock`; a block only by the thread that holds it.
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    /// A condition each for the producer, the workers and the consumer, so that a block wakes only those that wait
    /// for it.
    private let conditions: UnsafeMutablePointer<pthread_cond_t>
    private let blocks: [Block]
    private let hasWorkers: Bool
    private var threads: [Threads.Joinable] = []

    private enum Waiting: Int, CaseIterable {
        case producer, worker, consumer
    }

    // Counts of blocks since the start; block number n lives in blocks[n % blocks.count].
    private var submitted = 0
    private var taken = 0
    private var released = 0
    private var isDone: [Bool]
    private var isFinished = false
    private var failure: (any Error)?

    /// - Parameters:
    ///   - workers: The number of workers; 0 hands the blocks on as they are.
    ///   - work: Called once in each worker's thread. The function that it returns turns a block's input into its
    ///     output.
    init(
        blocks count: Int, inputCapacity: Int, outputCapacity: Int = 0, workers: Int = 0, name: String = "",
        work: @escaping @Sendable () -> (Block) throws -> Void = { { _ in } }
    ) throws {
        lock = .allocate(capacity: 1)
        conditions = .allocate(capacity: Waiting.allCases.count)
        pthread_mutex_init(lock, nil)
        for waiting in Waiting.allCases { pthread_cond_init(conditions + waiting.rawValue, nil) }
        blocks = (0..<count).map { _ in Block(inputCapacity: inputCapacity, outputCapacity: outputCapacity) }
        isDone = Array(repeating: false, count: count)
        hasWorkers = workers > 0
        do {
            for index in 0..<workers {
                threads.append(try Threads.joinable(name: "\(name)-\(index)") { [self] in self.work(work()) })
            }
        } catch {
            // One worker does the work of all, only more slowly.
            guard threads.isEmpty else { return }
            throw error
        }
    }

    deinit {
        pthread_mutex_destroy(lock)
        for waiting in Waiting.allCases { pthread_cond_destroy(conditions + waiting.rawValue) }
        lock.deallocate()
        conditions.deallocate()
    }

    /// Waits for a block that is not in use.
    func empty() throws -> Block {
        try locked {
            try check()
            while submitted - released == blocks.count { try wait(.producer) }
            let block = blocks[submitted % blocks.count]
            block.inputCount = 0
            block.outputCount = 0
            block.endsArchive = false
            block.records = nil
            return block
        }
    }

    /// Hands over the last block from `empty`, which is full now.
    func submit() throws {
        try locked {
            try check()
            isDone[submitted % blocks.count] = !hasWorkers
            submitted += 1
            wake(hasWorkers ? .worker : .consumer)
        }
    }

    /// Waits until every block that was handed over has been given back.
    func drain() throws {
        try locked {
            try check()
            while released < submitted { try wait(.producer) }
        }
    }

    /// Ends the input: no block will follow.
    func finish() {
        locked {
            isFinished = true
            wakeAll()
        }
    }

    /// Waits for the next block in order; nil after the last.
    func next() throws -> Block? {
        try locked {
            while true {
                try check()
                if released < submitted, isDone[released % blocks.count] {
                    return blocks[released % blocks.count]
                }
                if isFinished, released == submitted { return nil }
                try wait(.consumer)
            }
        }
    }

    /// Gives the last block from `next` back for reuse.
    func release() {
        locked {
            released += 1
            wake(.producer)
        }
    }

    /// Stops every thread of this line. Only the first error counts.
    func fail(_ error: any Error) {
        locked {
            if failure == nil { failure = error }
            wakeAll()
        }
    }

    var error: (any Error)? { locked { failure } }

    /// Waits until the workers have ended; `finish` or `fail` comes before.
    func join() {
        for thread in threads { thread.join() }
        threads = []
    }

    private func work(_ body: (Block) throws -> Void) {
        do {
            while let number = try takeNext() {
                try body(blocks[number % blocks.count])
                locked {
                    isDone[number % blocks.count] = true
                    if number == released { wake(.consumer) }
                }
            }
        } catch { fail(error) }
    }

    private func takeNext() throws -> Int? {
        try locked {
            while true {
                try check()
                if taken < submitted {
                    taken += 1
                    return taken - 1
                }
                if isFinished { return nil }
                try wait(.worker)
            }
        }
    }

    private func check() throws {
        if let failure { throw failure }
    }

    private func wait(_ waiting: Waiting) throws {
        pthread_cond_wait(conditions + waiting.rawValue, lock)
        try check()
    }

    private func wake(_ waiting: Waiting) { pthread_cond_signal(conditions + waiting.rawValue) }

    private func wakeAll() {
        for waiting in Waiting.allCases { pthread_cond_broadcast(conditions + waiting.rawValue) }
    }

    private func locked<Result>(_ body: () throws -> Result) rethrows -> Result {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return try body()
    }
}
