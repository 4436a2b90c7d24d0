// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
import Synchronization
public import SystemPackage

/// Reads segments back, several at once: each must be what its list says.
///
/// - Parameters:
///   - folder: Of the part.
///   - numbers: Of the segments, from 0.
///   - written: What is known of those that this process wrote a moment ago, by their digests, which are not computed a
///     second time.
/// - Throws: `ArchiveError`, `FileError`, `Interrupted`: the first problem that was met.
public func checkSegments(
    _ numbers: [Int], of list: SegmentList, in folder: FilePath, compression: Compression,
    written: [String: WrittenBytes] = [:], threads: Int, cancellation: Cancellation,
    progress: any ProgressSink
) throws {
    let work = Mutex((rest: numbers[...], error: (any Error)?.none))
    let check: @Sendable () -> Void = {
        let memory = SegmentMemory()
        while let number = work.withLock({ $0.error == nil ? $0.rest.popFirst() : nil }) {
            do {
                let segment = list.segments[number]
                let reader = try ArchiveReader(
                    folder, segment, compression: compression, written: written[segment.sha256],
                    memory: memory, cancellation: cancellation, progress: progress, use: .check)
                defer { reader.stop() }
                while let entry = try reader.next() {
                    if case .special = entry.kind { throw reader.error(.hostile, "it is a device or a FIFO") }
                }
            } catch {
                work.withLock { if $0.error == nil { $0.error = error } }
            }
        }
    }
    // Where no thread is to be had, this one does the work of all.
    let others = (1..<max(1, min(threads, numbers.count))).compactMap { _ in
        try? Threads.joinable(name: "segments", check)
    }
    check()
    for thread in others { thread.join() }
    if let error = work.withLock({ $0.error }) { throw error }
}
