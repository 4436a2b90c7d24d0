// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import Testing

@Suite struct RunningProcessTests {
    @Test func `a process is found by its arguments and variables, and is gone once it is killed`()
        async throws
    {
        let mark = "kecsctl-\(UInt64.random(in: 0 ... .max))"
        let processes = SystemProcesses(
            environment: ["PATH": "/usr/bin:/bin", "MARK": mark], cancellation: Cancellation())
        func found() throws -> [RunningProcess] {
            try RunningProcess.ofThisUser { $0.contains(mark) }
        }
        #expect(try found().isEmpty)
        let child = Task {
            try await processes.run(
                ProcessCall("sh", "-c", "while :; do sleep 60; done", mark, "", "two words"))
        }
        while try found().isEmpty { try await SystemClock().sleep(for: .milliseconds(10)) }
        let process = try #require(try found().first)
        #expect(process.arguments == ["sh", "-c", "while :; do sleep 60; done", mark, "", "two words"])
        #expect(process.variable("MARK") == mark)
        #expect(process.variable("NOTHING") == nil)
        try process.kill()
        let result = try await child.value
        #expect(result.end == .signaled(9))
        #expect(try found().isEmpty)
        // A second time it is nobody's any more.
        try process.kill()
    }
}
