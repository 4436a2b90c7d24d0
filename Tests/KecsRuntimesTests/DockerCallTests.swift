// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import KecsTesting
import Testing

@testable import KecsRuntimes

/// What is made of each of docker's answers.
@Suite struct DockerCallTests {
    private let version = ProcessCall("docker", "version", "--format", "{{.Server.Version}}")
    private let context = ProcessCall(
        "docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")

    private func docker(_ steps: [ScriptedProcesses.Step]) -> (Docker, ScriptedProcesses) {
        let processes = ScriptedProcesses(steps)
        return (Docker(Machine(environment: [:], processes: processes)), processes)
    }

    @Test func `an image that is not there is nil only when the engine answers`() async throws {
        let ask = ProcessCall("docker", "image", "inspect", "x")
        let (docker, processes) = docker([
            .call(ask, output: "[]\n", errors: "Error: No such image: x", status: 1),
            .call(version, output: "28.2.2\n"),
        ])
        #expect(try await docker.image("x") == nil)
        processes.finish()
    }

    @Test func `an engine that is down is unreachable, not empty`() async throws {
        let ask = ProcessCall("docker", "volume", "inspect", "v")
        let (docker, processes) = docker([
            .call(ask, output: "[]\n", errors: "Cannot connect", status: 1),
            .call(version, errors: "Cannot connect", status: 1),
            .call(context, output: "unix:///nonexistent/docker.sock\n"),
        ])
        await #expect(throws: Failure.self) { try await docker.volume("v") }
        processes.finish()
    }

    /// docker 20.10 says so of `info`, and of `version` with an old client.
    @Test func `an empty version with status 0 is no answer`() async throws {
        let (docker, processes) = docker([
            .call(ProcessCall("docker", "container", "inspect", "c"), output: "[]\n", status: 1),
            .call(version, output: "\n"),
            .call(context, output: "tcp://10.0.0.1:2375\n"),
        ])
        do {
            _ = try await docker.container("c")
            Issue.record("it was taken for absent")
        } catch let failure as Failure {
            #expect(failure.kind == .unreachable)
            #expect(failure.message.contains("tcp://10.0.0.1:2375"))
        }
        processes.finish()
    }

    @Test func `a call that does not end is unreachable`() async throws {
        let (docker, processes) = docker([
            .call(ProcessCall("docker", "container", "unpause", "c")) { _ in ProcessResult(end: .timedOut) },
            .call(context, output: "unix:///var/run/docker.sock\n"),
        ])
        do {
            try await docker.unpause("c")
            Issue.record("it was taken for done")
        } catch let failure as Failure {
            #expect(failure.kind == .unreachable)
        }
        processes.finish()
    }

    @Test func `no docker at all`() async throws {
        let (docker, processes) = docker([
            .call(ProcessCall("docker", "image", "inspect", "x")) { _ in throw ProcessError.notFound("docker")
            }
        ])
        do {
            _ = try await docker.image("x")
            Issue.record("it was taken for absent")
        } catch let failure as Failure {
            #expect(failure.kind == .unreachable)
            #expect(failure.message == "docker is missing")
        }
        processes.finish()
    }

    @Test func `calls that resume outlive an interruption`() async throws {
        let (docker, processes) = docker([.call(ProcessCall("docker", "container", "unpause", "c"))])
        try await docker.unpause("c")
        #expect(processes.calls.allSatisfy { $0.outlivesCancellation })
    }

    @Test(arguments: [
        ("0B", 0), ("4.592MB", 4_596_592), ("1.2kB", 1202), ("12.34GB", 12_352_340_000), ("N/A", nil),
        ("", nil),
        ("12", nil),
    ])
    func `a size that docker prints is never less than what it stands for`(text: String, bytes: Int64?) {
        #expect(Docker.bytes(text)?.bytes == bytes)
    }
}
