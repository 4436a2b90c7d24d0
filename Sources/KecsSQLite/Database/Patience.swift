// SPDX-License-Identifier: Apache-2.0
import CSQLite
import Glibc
import KecsSystem

/// The time for which a connection waits for locks, and the time at which its statements give up.
final class Patience {
    /// Ends the statements. Nil from the start stays nil.
    var cancellation: Cancellation?
    private let limit: Duration
    private var start = ContinuousClock.now

    init(_ limit: Duration, _ cancellation: Cancellation?) {
        self.limit = limit
        self.cancellation = cancellation
    }

    /// - Parameter database: Must be closed before this value goes away.
    func govern(_ database: OpaquePointer) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        sqlite3_busy_handler(
            database,
            { context, count in
                guard let context else { return 0 }
                return Unmanaged<Patience>.fromOpaque(context).takeUnretainedValue().wait(count) ? 1 : 0
            }, context)
        guard cancellation != nil else { return }
        sqlite3_progress_handler(
            database, 5000,
            { context in
                guard let context else { return 0 }
                let patience = Unmanaged<Patience>.fromOpaque(context).takeUnretainedValue()
                return patience.cancellation?.reason == nil ? 0 : 1
            }, context)
    }

    /// Waits for a lock. SQLite's own handler soon tries only ten times a second. A writer that commits back to back
    /// leaves gaps of microseconds; a reader that tries so rarely waited 3 to 5 s for one.
    private func wait(_ count: Int32) -> Bool {
        if count == 0 { start = .now }
        guard cancellation?.reason == nil, ContinuousClock.now - start < limit else { return false }
        usleep(count < 20 ? 200 : 2000)
        return true
    }
}
