// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import KecsTesting
import Synchronization
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsDoctor
@testable import KecsRuntimes

/// An engine that is down in each of the ways in which it can be: nobody may wait for it.
@Suite struct EngineSilenceTests {
    /// For programs that do answer, on a machine that is busy.
    private let patient = Duration.seconds(300)

    private final class Released: Sendable {
        let flag = Atomic<Bool>(false)
    }

    /// With a docker that would never come back, were it called.
    private func gather(
        _ manner: TestServer.Manner?, docker: String = "exec sleep 1000",
        patience: Duration = .milliseconds(50)
    ) async throws -> (facts: EngineFacts, calls: [[String]]) {
        try await TemporaryHome.with { home in
            let path = home.folder.appending("s")
            let server = try manner.map { try TestServer(socket: path, $0) }
            try home.tools.add("docker", docker)
            try home.tools.add("docker-compose", "exit 1")
            var environment = home.environment
            environment["DOCKER_HOST"] = "unix://\(path)"
            let machine = Machine(
                environment: environment,
                processes: SystemProcesses(environment: environment, cancellation: Cancellation()))
            let facts = await EngineFacts.gather(machine, patience: patience, limit: patient)
            withExtendedLifetime(server) {}
            return (facts, try home.tools.calls().filter { $0[0] == "docker" })
        }
    }

    @Test(arguments: [TestServer.Manner.hangs, .doesNotAccept])
    func `an engine that takes calls and never answers is not asked through docker`(
        manner: TestServer.Manner
    ) async throws {
        // Only what asks no engine: the plugin's version.
        let (facts, calls) = try await gather(manner, docker: "exec sleep 1000")
        #expect(facts.isSilent)
        #expect(facts.docker == .known(true))
        #expect(facts.containers == .unknown("docker does not answer"))
        guard case .unknown(let why) = facts.server else {
            Issue.record("\(facts.server)")
            return
        }
        #expect(why.contains("takes calls, and nothing answered"))
        #expect(calls.allSatisfy { $0 == ["docker", "compose", "version", "--short"] })
    }

    @Test func `an engine that says anything at all is left to docker's own command`() async throws {
        let answers = try await gather(
            .answers("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"), docker: "echo 'is broken' >&2; exit 1",
            patience: patient)
        #expect(!answers.facts.isSilent)
        #expect(answers.facts.server == .unknown("is broken"))
        let missing = try await gather(nil, docker: "echo 'Cannot connect' >&2; exit 1")
        #expect(!missing.facts.isSilent)
        #expect(missing.facts.socket?.condition == .missing)
        #expect(missing.facts.server == .unknown("Cannot connect"))
    }

    @Test func `a context's socket is the one that is looked at`() async throws {
        try await TemporaryHome.with { home in
            let path = home.folder.appending("of-a-context")
            try home.tools.add(
                "docker", "[ \"$1\" = context ] && echo unix://\(path) && exit; echo down >&2; exit 1")
            let machine = Machine(
                environment: home.environment,
                processes: SystemProcesses(environment: home.environment, cancellation: Cancellation()))
            #expect(await EngineFacts.gather(machine, limit: patient).socket?.path == path)
        }
    }

    @Test func `compose may be a program of its own`() async throws {
        try await TemporaryHome.with { home in
            try home.tools.add("docker", "echo \"docker: 'compose' is not a docker command.\" >&2; exit 1")
            try home.tools.add("docker-compose", "echo 1.29.2")
            let machine = Machine(
                environment: home.environment,
                processes: SystemProcesses(environment: home.environment, cancellation: Cancellation()))
            #expect(await EngineFacts.gather(machine, limit: patient).compose == .known("1.29.2"))
        }
    }

    @Test func `programs that are silenced are not started, others are`() async throws {
        let processes = SilencedPrograms(
            ScriptedProcesses([.call(ProcessCall("kubectl", "version"), output: "v1")]), why: "it is dead")
        for program in ["docker", "docker-compose", "k3d"] {
            #expect(try await processes.run(ProcessCall(program)).errorText == "it is dead")
            #expect(try await !processes.stream(ProcessCall(program)) { _ in }.succeeded)
        }
        #expect(try await processes.run(ProcessCall("kubectl", "version")).outputText == "v1")
        #expect(try await !processes.uncancelled().run(ProcessCall("docker")).succeeded)
    }

    /// Asked of every runtime that has containers: none may need more than the answer that docker is silent.
    @Test(arguments: [RuntimeKind.docker, .compose, .k3d])
    func `the state of an instance is unknown then, and its other checks are asked all the same`(
        kind: RuntimeKind
    ) async throws {
        try await CheckScene.with(
            runtime: kind, settings: kind == .compose ? ["composeFile": "/x/compose.yml"] : [:]
        ) { scene in
            try scene.addBackup(.seconds(60))
            var machine = scene.site.machine
            // Any call that is let through is an issue.
            machine.processes = SilencedPrograms(ScriptedProcesses([]), why: "it is dead")
            let quiet = machine
            try scene.home.tools.add("crontab", "echo 'no crontab for u' >&2; exit 1")
            scene.site.runtime = { instance in
                switch kind {
                case .compose: try ComposeRuntime(instance, machine: quiet)
                case .k3d: try K3dRuntime(instance, machine: quiet)
                default: try DockerRuntime(instance, machine: quiet)
                }
            }
            var engine = EngineFacts.well()
            engine.server = .unknown("silent")
            engine.isSilent = true
            engine.containers = .unknown("docker does not answer")
            let report = try await Doctor(
                site: scene.site, checks: HostChecks.all + RuntimeChecks.all(engine: engine)
            ).run([scene.name])
            let state = report.findings.first { $0.id == "state.unknown" }
            #expect(state?.severity == .warning)
            #expect(state?.message.hasPrefix("cannot determine whether") == true)
            // What lies in its own folder was looked at; of the rest nothing is known, so nothing passed.
            #expect(report.findings.contains { $0.id == "db.integrity" && $0.severity == .notLooked })
            #expect(report.findings.contains { $0.id == "home.mode" && $0.severity == .ok })
            #expect(!report.findings.contains { $0.message.hasPrefix("was not answered") })
        }
    }

    @Test func `a runtime that does not say whether it runs hides no other finding`() async throws {
        try await CheckScene.with { scene in
            struct Deaf: Runtime {
                let isReleased: Released
                func state() async -> RuntimeState {
                    // Deaf to everything, as a call to a dead file server is.
                    while !isReleased.flag.load(ordering: .relaxed) { usleep(10_000) }
                    return .running
                }
                func start(limit: Duration) async throws {}
                func stop(limit: Duration) async throws {}
                func whileFrozen<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
                    try await body()
                }
                func thaw() async throws {}
                func parts() async throws -> [Part] { [] }
                var runsSomething: Bool { true }
            }
            let isReleased = Released()
            scene.site.runtime = { _ in Deaf(isReleased: isReleased) }
            let facts = await InstanceFacts.gather(
                try scene.site.instance(scene.name), site: scene.site, history: [],
                cancellation: Cancellation(), limit: .milliseconds(50))
            isReleased.flag.store(true, ordering: .relaxed)
            #expect(facts.state.isUnknown)
            #expect(facts.database.value?.kind == .sqlite)
        }
    }
}
