// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import Synchronization
import SystemPackage
import Testing

@Suite struct ScriptedProcessesTests {
    @Test func `calls of the script are answered in order`() async throws {
        let processes = ScriptedProcesses([
            .call(ProcessCall("docker", "ps"), output: "web\n"),
            .call(ProcessCall("docker", "stop", "web"), errors: "no\n", status: 1),
            .call(ProcessCall("k3d")) { call in throw ProcessError.notFound(call.program) },
        ])
        var call = ProcessCall("docker", "ps")
        call.limit = .seconds(5)
        #expect(try await processes.run(call).outputText == "web\n")
        let stop = try await processes.run(ProcessCall("docker", "stop", "web"))
        #expect(stop.end == .exited(1))
        #expect(stop.errorText == "no\n")
        await #expect(throws: ProcessError.notFound("k3d")) { try await processes.run(ProcessCall("k3d")) }
        #expect(processes.calls.first?.limit == .seconds(5))
    }

    @Test func `a stream comes in pieces`() async throws {
        let text = String(repeating: "0123456789", count: 250)
        let processes = ScriptedProcesses([.call(ProcessCall("tar"), output: text)])
        let pieces = Mutex<[[UInt8]]>([])
        let result = try await processes.stream(ProcessCall("tar")) { piece in
            pieces.withLock { $0.append(piece) }
        }
        #expect(result.output == [])
        #expect(pieces.withLock { $0.map(\.count) } == [1000, 1000, 500])
        #expect(pieces.withLock { Array($0.joined()) } == Array(text.utf8))
    }

    @Test func `a changed call fails the test and is named`() async {
        await withKnownIssue {
            let processes = ScriptedProcesses([.call(ProcessCall("k3d", "cluster", "stop", "dev"))])
            _ = try? await processes.run(ProcessCall("k3d", "cluster", "delete", "dev"))
        } matching: { issue in
            let text = "\(issue.comments)"
            return text.contains("unexpected call: k3d cluster delete dev")
                && text.contains("in its place: k3d cluster stop dev")
        }
    }

    @Test func `a call too many fails the test`() async {
        await withKnownIssue {
            _ = try? await ScriptedProcesses([]).run(ProcessCall("docker", "rm"))
        } matching: {
            "\($0.comments)".contains("unexpected call: docker rm")
        }
    }

    @Test func `a call that is not made fails the test`() {
        withKnownIssue {
            _ = ScriptedProcesses([.call(ProcessCall("docker", "stop"))])
        } matching: {
            "\($0.comments)".contains("the call was not made: docker stop")
        }
    }

    @Test func `input, and what the script says of environment and folder, must be the same`() async {
        var expected = ProcessCall("gpg")
        expected.input = .bytes([1])
        expected.environment = ["A": "a"]
        expected.folder = "/tmp"
        for change in 0..<4 {
            var call = expected
            switch change {
            case 0: call.input = .none
            case 1: call.environment = [:]
            case 2: call.folder = nil
            default: break
            }
            let processes = ScriptedProcesses([.call(expected)])
            if change == 3 {
                await #expect(throws: Never.self) { try await processes.run(call) }
            } else {
                await withKnownIssue { _ = try await processes.run(call) }
            }
        }
    }
}
