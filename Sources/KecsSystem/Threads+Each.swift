// SPDX-License-Identifier: Apache-2.0
import Synchronization

extension Threads {
    /// Calls `body` with each number from 0, up to `threads` at once: on this thread, and on as many more as are to be had.
    ///
    /// - Parameter body: Gets a number, and a cancellation that also ends when another call has failed.
    /// - Returns: The values, in the order of the numbers.
    /// - Throws: The first error, when all calls have ended. None is begun after it.
    public static func each<Value: Sendable>(
        of count: Int, upTo threads: Int, name: String, _ whole: Cancellation,
        _ body: @Sendable (Int, Cancellation) throws -> Value
    ) throws -> [Value] {
        let work = Work<Value>(count)
        let cancellation = Cancellation(whole) { work.error != nil }
        return try withoutActuallyEscaping(body) { body in
            let take: @Sendable () -> Void = {
                while let number = work.next() {
                    do {
                        work.end(number, try body(number, cancellation))
                    } catch { work.fail(error) }
                }
            }
            let others = (1..<max(1, min(threads, count))).compactMap { _ in
                // Where no thread is to be had, this one does the work of all.
                try? joinable(name: name, take)
            }
            take()
            for thread in others { thread.join() }
            if let error = work.error { throw error }
            return work.values
        }
    }

    private final class Work<Value: Sendable>: Sendable {
        private struct State {
            var next = 0
            var values: [Value?]
            var error: (any Error)?
        }

        private let state: Mutex<State>

        init(_ count: Int) { state = Mutex(State(values: Array(repeating: nil, count: count))) }

        var error: (any Error)? { state.withLock { $0.error } }
        var values: [Value] { state.withLock { $0.values.compactMap(\.self) } }

        func next() -> Int? {
            state.withLock { state in
                guard state.error == nil, state.next < state.values.count else { return nil }
                defer { state.next += 1 }
                return state.next
            }
        }

        func end(_ number: Int, _ value: Value) { state.withLock { $0.values[number] = value } }

        func fail(_ error: any Error) { state.withLock { if $0.error == nil { $0.error = error } } }
    }
}
