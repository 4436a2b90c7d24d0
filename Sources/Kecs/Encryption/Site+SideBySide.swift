// SPDX-License-Identifier: Apache-2.0
import KecsSystem

extension Site {
    /// Does the same for many things, as many at once as there are processors for it.
    ///
    /// - Returns: What came of them, in their order.
    /// - Throws: The first error, after those that had begun have ended; `Interrupted`.
    func sideBySide<Item: Sendable, Value: Sendable>(
        _ items: [Item], _ body: @Sendable @escaping (Item) async throws -> Value
    ) async throws -> [Value] {
        try await withThrowingTaskGroup(of: (Int, Value).self) { group in
            var values = [Value?](repeating: nil, count: items.count)
            for (index, item) in items.enumerated() {
                if index >= Threads.processors, let (done, value) = try await group.next() {
                    values[done] = value
                }
                try machine.cancellation.check()
                group.addTask { (index, try await body(item)) }
            }
            for try await (done, value) in group { values[done] = value }
            return values.compactMap(\.self)
        }
    }
}
