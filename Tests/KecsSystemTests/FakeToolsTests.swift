// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@Suite struct FakeToolsTests {
    @Test func `a tool runs, keeps state and its calls are recorded as they were`() async throws {
        try await TemporaryHome.with { home in
            try home.tools.add("k3d", #"echo "$1" >>"$FAKES/state"; cat "$FAKES/state"; exit 4"#)
            let processes = SystemProcesses(environment: home.environment, cancellation: Cancellation())
            #expect(try home.tools.calls() == [])
            #expect(try await processes.run(ProcessCall("k3d", "one")).outputText == "one\n")
            let second = try await processes.run(ProcessCall("k3d", "two", "", "a b\n'c'\""))
            #expect(second.outputText == "one\ntwo\n")
            #expect(second.end == .exited(4))
            #expect(try home.tools.calls() == [["k3d", "one"], ["k3d", "two", "", "a b\n'c'\""]])
        }
    }

    @Test func `tools written while others are started can be run`() async throws {
        try await TemporaryHome.with { home in
            let processes = SystemProcesses(environment: home.environment, cancellation: Cancellation())
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<60 {
                    group.addTask {
                        try home.tools.add("tool-\(number)", "exit 0")
                        return try await processes.run(ProcessCall("tool-\(number)")).succeeded
                    }
                }
                for try await succeeded in group { #expect(succeeded) }
            }
        }
    }

    @Test func `a temporary folder is gone afterwards, also after an error`() throws {
        struct Boom: Error {}
        let kept = try withTemporaryFolder { folder in
            #expect(try FileStatus.of(folder)?.mode == 0o700)
            try folder.appending("a").appending("b").createFolder()
            return folder
        }
        #expect(try !kept.isPresent)
        var failed = kept
        #expect(throws: Boom.self) {
            try withTemporaryFolder { folder in
                failed = folder
                throw Boom()
            }
        }
        #expect(try failed != kept && !failed.isPresent)
    }

    @Test func `a manual clock passes by sleeping only`() async throws {
        let clock = ManualClock(Moment(seconds: 100))
        let asked = try await clock.wait(upTo: .seconds(3600), every: .seconds(60)) { false }
        #expect(!asked)
        #expect(clock.elapsed() == .seconds(3600))
        #expect(clock.now() == Moment(seconds: 3700))
        #expect(clock.sleeps.count == 60)
        clock.set(Moment(seconds: 5))
        #expect(clock.elapsed() == .seconds(3600))
    }
}
