// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import Testing

@testable import Kecs

@Suite struct FreeNameTests {
    @Test func `the first free name is taken, and the search ends`() throws {
        #expect(try FreeName.first { $0 > 3 ? "\($0)" : nil } == "4")
        var asked = 0
        #expect(throws: Failure.self) {
            try FreeName.first { _ -> String? in
                asked += 1
                return nil
            }
        }
        #expect(asked == FreeName.limit)
    }

    @Test func `an error to look and an interruption end it at once`() {
        let cancellation = Cancellation()
        cancellation.cancel(.interrupt)
        var asked = 0
        #expect(throws: Interrupted.self) {
            try FreeName.first { _ -> String? in
                asked += 1
                try cancellation.check()
                return nil
            }
        }
        #expect(asked == 1)
    }
}
