// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import Synchronization

/// Runs work that may hang where nothing can interrupt it: a dead NFS server, a docker that does not answer.
enum TimeBound {
    /// Separate threads, so that hanging checks starve neither each other nor the caller. Nil where the system refuses
    /// even one: then the work runs where it is called, and its limit is the work's own.
    private static let threads = try? WorkerThreads(count: 16)

    /// - Returns: Nil when the limit passed. The work learns so from its `Cancellation`. If it does not react, it is
    ///   left behind, to end with the process.
    static func run<Value: Sendable>(
        _ limit: Duration, outer: Cancellation, _ work: @escaping @Sendable (Cancellation) async -> Value
    ) async -> Value? {
        let cancellation = Cancellation()
        guard let threads else { return await work(outer) }
        let state = Mutex<CheckedContinuation<Value?, Never>?>(nil)
        let ended = Shared(state: state)
        let answer: Value? = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                ended.state.withLock { $0 = continuation }
                let work = Task(executorPreference: threads) { ended.resume(await work(cancellation)) }
                Task(executorPreference: threads) {
                    let start = ContinuousClock.now
                    // Short sleeps, because the command's own cancellation can only be polled.
                    while ContinuousClock.now - start < limit, ended.isOpen, outer.reason == nil {
                        do { try await Task.sleep(for: .milliseconds(20)) } catch { break }
                    }
                    guard ended.isOpen else { return }
                    cancellation.cancel(outer.reason ?? .timeout)
                    work.cancel()
                    // Work that reacts to its cancellation returns more than the fact that its time was over.
                    do { try await Task.sleep(for: .milliseconds(200)) } catch {}
                    ended.resume(nil)
                }
            }
        } onCancel: {
            cancellation.cancel(.interrupt)
            ended.resume(nil)
        }
        return answer
    }

    private final class Shared<Value: Sendable>: Sendable {
        let state: Mutex<CheckedContinuation<Value?, Never>?>

        init(state: consuming sending Mutex<CheckedContinuation<Value?, Never>?>) { self.state = state }

        var isOpen: Bool { state.withLock { $0 != nil } }

        /// Resumes the waiting caller. Only the first call counts.
        func resume(_ value: Value?) {
            let continuation = state.withLock { state in
                defer { state = nil }
                return state
            }
            continuation?.resume(returning: value)
        }
    }
}
