// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes
@testable import standin

/// `DockerRuntime` against an engine that is told how to behave: what a real one does only once in a while.
@Suite(.serialized) struct DockerContractTests {
    private static let image = World.Image(
        id: "sha256:" + String(repeating: "1", count: 64), tags: ["kecs:1"], programs: ["stat", "head", "sh"])

    private func world(_ body: (inout World) -> Void = { _ in }) -> World {
        var world = World(images: [Self.image])
        body(&world)
        return world
    }

    private func runtime(_ here: StandInWorld, _ settings: [SettingKey: String] = [:]) throws -> DockerRuntime
    {
        try DockerRuntime(try here.dockerInstance("dev", settings), machine: here.machine)
    }

    private func inWorld(
        _ world: World, at place: SourceLocation = #_sourceLocation,
        _ body: (StandInWorld) async throws -> Void
    ) async throws {
        try await StandInWorld.with(world, at: place) { (here: StandInWorld) async throws in
            do {
                try await body(here)
            } catch {
                try? end(here)
                throw error
            }
            try end(here)
        }
    }

    /// Servers end with their containers.
    private func end(_ here: StandInWorld) throws {
        try here.change { world in
            for index in world.containers.indices { world.containers[index].status = "exited" }
        }
    }

    private func containers(_ here: StandInWorld) throws -> [String] {
        try here.world().containers.map { "\($0.name) \($0.status)" }
    }

    // MARK: Life

    @Test func `start, stop, start and remove, each twice`() async throws {
        try await inWorld(world()) { (here: StandInWorld) async throws in
            let runtime = try runtime(here)
            #expect(await runtime.state() == .absent)
            try await runtime.start(limit: .seconds(30))
            try await runtime.start(limit: .seconds(30))
            #expect(await runtime.state() == .running)
            let first = try #require(try here.world().containers.first)
            #expect(first.labels[DockerLabel.id] == "id-of-dev")
            #expect(first.restart == "unless-stopped")
            #expect(first.mounts.map(\.target) == ["/data"])
            try await runtime.stop(limit: .seconds(10))
            try await runtime.stop(limit: .seconds(10))
            #expect(await runtime.state() == .stopped)
            try await runtime.start(limit: .seconds(30))
            #expect(try here.world().containers.map(\.id) == [first.id])
            try await runtime.stop(limit: .seconds(10))
            try await runtime.provision.remove()
            try await runtime.provision.remove()
            #expect(await runtime.state() == .absent)
        }
    }

    @Test func `a container is made anew when its image is another one, and keeps its place`() async throws {
        try await inWorld(world()) { (here: StandInWorld) async throws in
            let runtime = try runtime(here)
            try await runtime.start(limit: .seconds(30))
            try await runtime.stop(limit: .seconds(10))
            let old = try #require(try here.world().containers.first?.id)
            try here.change { $0.images[0].id = "sha256:" + String(repeating: "2", count: 64) }
            try await runtime.start(limit: .seconds(30))
            let now = try here.world().containers
            #expect(now.map(\.name) == ["kecs-dev"])
            #expect(now.first?.id != old)
        }
    }

    @Test(arguments: ["container rename", "container create", "container rm", "container start"])
    func `a replacement that was cut off at any call is put right by the next start`(
        call: String
    ) async throws {
        try await inWorld(world()) { (here: StandInWorld) async throws in
            let runtime = try runtime(here)
            try await runtime.start(limit: .seconds(30))
            try await runtime.stop(limit: .seconds(10))
            try here.change {
                $0.images[0].id = "sha256:" + String(repeating: "2", count: 64)
                // Also what would clean up fails: as if nobody were left to do it.
                $0.faults = [Fault(call: "docker \(call)", kind: "fail", times: nil, says: "cut off")]
            }
            await #expect(throws: Failure.self) { try await runtime.start(limit: .seconds(5)) }
            try here.change { $0.faults = [] }
            try await runtime.start(limit: .seconds(30))
            #expect(try containers(here) == ["kecs-dev running"])
        }
    }

    @Test func `test persistence rebuilds the container and takes it away, and its rows are there`()
        async throws
    {
        try await inWorld(world()) { (here: StandInWorld) async throws in
            let instance = try here.dockerInstance()
            try instance.folder.data.createFolder()
            try SQLiteDatabase(try instance.databaseFile(), .create).execute(
                "CREATE TABLE rows (n INTEGER)")
            try await runtime(here).start(limit: .seconds(30))
            let old = try here.world().containers.map(\.id)
            let report = try await TestPersistence(site: here.site).run(instance)
            #expect(report.survived == ["restart", "rebuild", "down"])
            #expect(report.skipped == [])
            #expect(try containers(here) == ["kecs-dev running"])
            #expect(try here.world().containers.map(\.id) != old)
            #expect(try !instance.folder.journal.isPresent)
            #expect(try here.calls().filter { $0.hasPrefix("docker container create") }.count == 3)
        }
    }

    // MARK: Health

    private let well = "{\"status\":\"healthy\",\"persistence\":{\"status\":\"healthy\"}}"

    @Test func `a server that becomes healthy later is waited for`() async throws {
        let answers = [
            World.Health(status: 0, body: "", times: 2),
            World.Health(status: 503, body: "{\"status\":\"starting\"}", times: 2),
            World.Health(status: 200, body: "{\"status\":\"starting\"}", times: 2),
            World.Health(
                status: 200, body: "{\"status\":\"healthy\",\"persistence\":{\"status\":\"loading\"}}",
                times: 2),
        ]
        try await inWorld(world { $0.health = answers }) { (here: StandInWorld) async throws in
            try await runtime(here).start(limit: .seconds(60))
            #expect(try here.world().health.isEmpty)
        }
    }

    @Test func `a server that never becomes healthy is out of time, and what it said last is told`()
        async throws
    {
        try await inWorld(
            world { $0.health = [World.Health(status: 503, body: "{\"status\":\"starting\"}")] }
        ) { (here: StandInWorld) async throws in
            let failure = await #expect(throws: Failure.self) {
                try await runtime(here).start(limit: .milliseconds(500))
            }
            #expect(failure?.kind == .timeout)
            #expect(failure?.status == 15)
            #expect(failure?.cause?.contains("it answered with the status 503") == true)
        }
    }

    @Test(arguments: [200, 503])
    func `a server that cannot keep its data has failed, whatever else it says`(status: Int) async throws {
        let body = "{\"status\":\"healthy\",\"persistence\":{\"status\":\"unhealthy\"}}"
        try await inWorld(world { $0.health = [World.Health(status: status, body: body)] }) {
            (here: StandInWorld) async throws in
            let failure = await #expect(throws: Failure.self) {
                try await runtime(here).start(limit: .milliseconds(500))
            }
            #expect(failure?.kind == .failed)
            #expect(failure?.cause?.contains("the status of its persistence is “unhealthy”") == true)
        }
    }

    @Test func `nobody waits when it is not wanted`() async throws {
        try await inWorld(world { $0.health = [World.Health(status: 503, body: "")] }) {
            (here: StandInWorld) async throws in
            try await runtime(here).start(limit: .zero)
            #expect(try containers(here) == ["kecs-dev running"])
        }
    }

    // MARK: Faults

    @Test(arguments: [
        "container ls", "container inspect", "container create", "container start", "image inspect",
    ])
    func `a call that fails while the engine answers fails the start, and nothing half-made stays`(
        call: String
    )
        async throws
    {
        try await inWorld(
            world {
                $0.faults = [Fault(call: "docker \(call)", kind: "fail", times: nil, says: "it is broken")]
            }
        ) { (here: StandInWorld) async throws in
            await #expect(throws: Failure.self) { try await runtime(here).start(limit: .seconds(5)) }
            #expect(try containers(here) == [])
        }
    }

    @Test func `a list that says nothing is empty, and one of 100 MB or of other columns is no list`()
        async throws
    {
        try await inWorld(world()) { (here: StandInWorld) async throws in
            for kind in ["flood", "fail"] {
                try here.change {
                    $0.faults = [
                        Fault(call: "docker container ls", kind: kind, times: nil, says: "container-ls")
                    ]
                }
                guard case .unknown = await (try runtime(here)).state() else {
                    Issue.record("\(kind): the state is known")
                    return
                }
            }
        }
    }

    @Test func `a docker that dies at a call is a failure, not an answer`() async throws {
        try await inWorld(world()) { (here: StandInWorld) async throws in
            try here.change { $0.faults = [Fault(call: "docker container create", kind: "die")] }
            let failure = await #expect(throws: Failure.self) {
                try await runtime(here).start(limit: .seconds(5))
            }
            #expect(failure?.cause?.contains("signal 9") == true)
            try await runtime(here).start(limit: .seconds(30))
            #expect(try containers(here) == ["kecs-dev running"])
        }
    }

    @Test(arguments: ["down", "forbidden"])
    func `with the engine away nothing is created and nothing removed`(docker: String) async throws {
        try await inWorld(world()) { (here: StandInWorld) async throws in
            let runtime = try runtime(here)
            try await runtime.start(limit: .seconds(30))
            try here.change { $0.docker = docker }
            let calls = try here.changes().count
            guard case .unknown = await runtime.state() else {
                Issue.record("the state is known")
                return
            }
            for action in [
                { try await runtime.start(limit: .seconds(5)) },
                { try await runtime.stop(limit: .seconds(5)) },
                { try await runtime.provision.remove() }, { try await runtime.thaw() },
            ] as [@Sendable () async throws -> Void] {
                let failure = await #expect(throws: Failure.self) { try await action() }
                #expect(failure?.kind == .unreachable)
            }
            #expect(try here.changes().count == calls)
            #expect(try await runtime.wasTakenDownOrUnknown() == nil)
            try here.change { $0.docker = "up" }
            #expect(try containers(here) == ["kecs-dev running"])
        }
    }

    @Test func `a port that is taken when the engine looks leaves no container`() async throws {
        try await inWorld(world()) { (here: StandInWorld) async throws in
            let failure = await #expect(throws: Failure.self) {
                let listener = try Listener()
                defer { withExtendedLifetime(listener) {} }
                try await runtime(here, [.apiPort: "\(listener.port)"]).start(limit: .seconds(5))
            }
            #expect(failure?.message.contains("is taken") == true)
            #expect(try containers(here) == [])
        }
    }

    // MARK: Freeze

    @Test func `what a killed run paused, or was about to pause, goes on`() async throws {
        try await inWorld(world()) { (here: StandInWorld) async throws in
            let runtime = try runtime(here)
            try await runtime.start(limit: .seconds(30))
            var record = ContainerRecord()
            record.frozen = [try #require(try here.world().containers.first?.id)]
            let folder = try here.dockerInstance("dev", [:]).folder
            try record.write(folder)
            try here.change { $0.containers[0].status = "paused" }
            try await runtime.thaw()
            #expect(try containers(here) == ["kecs-dev running"])
            // A pause that comes after the question is followed by one of ours.
            try record.write(folder)
            try await runtime.thaw()
            #expect(try containers(here) == ["kecs-dev running"])
            #expect(
                try here.calls().filter { $0.contains("pause") }.map { $0.split(separator: " ")[2] } == [
                    "unpause", "pause", "unpause",
                ])
        }
    }

    @Test func `an interruption while it is paused resumes it`() async throws {
        try await inWorld(world()) { (here: StandInWorld) async throws in
            let runtime = try runtime(here)
            try await runtime.start(limit: .seconds(30))
            await #expect(throws: (any Error).self) {
                try await runtime.whileFrozen {
                    let seen = try containers(here)
                    #expect(seen == ["kecs-dev paused"])
                    here.cancellation.cancel(.interrupt)
                    try here.cancellation.check()
                }
            }
            #expect(try containers(here) == ["kecs-dev running"])
        }
    }

    // MARK: Log

    @Test func `both streams of a container's log, apart`() async throws {
        try await inWorld(world()) { (here: StandInWorld) async throws in
            let runtime = try runtime(here)
            try await runtime.start(limit: .seconds(30))
            try here.change {
                $0.containers[0].output = "one\ntwo\nthree\n"
                $0.containers[0].errors = "bad\nworse\n"
            }
            let log = LogCollector()
            #expect(try await runtime.log(LogRequest(tail: 2), to: log.sink))
            #expect(log.output == "two\nthree\n")
            #expect(log.errors == "bad\nworse\n")
            try here.change {
                $0.faults = [
                    Fault(call: "docker container logs", kind: "fail", says: "container-logs-unreadable")
                ]
            }
            let failure = await #expect(throws: Failure.self) {
                try await runtime.log(LogRequest(tail: 2), to: LogCollector().sink)
            }
            #expect(failure?.cause?.contains("configured logging driver does not support reading") == true)
        }
    }

    // MARK: The engine's own doing

    @Test
    func `a container that the engine ended when it was started is told from one that somebody stopped`()
        async throws
    {
        try await inWorld(world()) { (here: StandInWorld) async throws in
            let runtime = try runtime(here)
            try await runtime.start(limit: .seconds(30))
            #expect(try await !runtime.engine.wasTakenDown())
            try await runtime.stop(limit: .seconds(10))
            #expect(try await !runtime.engine.wasTakenDown())
            // As it was seen: the end lies between the engine's start and its bridge, and the engine knows of it.
            let end = Moment(seconds: 1_795_261_622, nanoseconds: 897_268_294)
            try here.change { world in
                world.containers[0].finishedAt = "2026-11-21T11:47:02.897268294Z"
                world.engineStart = "2026-11-21T11:47:03.3691374Z"
                world.deaths = [world.containers[0].id: 1_795_261_622_919_820_317]
            }
            #expect(Moment("2026-11-21T11:47:02.897268294Z") == end)
            #expect(try await runtime.engine.wasTakenDown())
            // Stopped by somebody, and only then did the engine end and start: its events are of the new life only.
            try here.change { $0.deaths = [:] }
            #expect(try await !runtime.engine.wasTakenDown())
            // Stopped by somebody in this engine's life.
            try here.change { world in
                world.containers[0].finishedAt = "2026-11-21T11:47:09Z"
                world.deaths = [world.containers[0].id: 1_795_261_629_000_000_000]
            }
            #expect(try await !runtime.engine.wasTakenDown())
        }
    }

    // MARK: Healing

    @Test func `a stop that the engine carries out after its client is gone is followed by a start`()
        async throws
    {
        try await inWorld(world()) { (here: StandInWorld) async throws in
            let instance = try here.dockerInstance()
            try await runtime(here).start(limit: .seconds(30))
            try Journal(
                operation: "stop", startedAt: Moment(seconds: 1), runsAfterwards: true, mayBeStopped: true
            ).write(to: instance.folder.journal)
            try here.change { $0.stopMilliseconds = 3000 }
            var call = ProcessCall("docker", "container", "stop", "--time", "10", "kecs-dev")
            call.limit = .milliseconds(300)
            #expect(try await here.machine.processes.run(call).end == .timedOut)
            // It still runs, and will not for long.
            #expect(try containers(here) == ["kecs-dev running"])
            let told = try await here.care(for: instance)
            #expect(told.contains { $0.hasPrefix("started “dev” again") })
            #expect(try !instance.folder.journal.isPresent)
            try await SystemClock().sleep(for: .milliseconds(3500))
            #expect(try containers(here) == ["kecs-dev running"])
        }
    }

    @Test func `while nobody can tell what runs, what is to be put right is not forgotten`() async throws {
        try await inWorld(world()) { (here: StandInWorld) async throws in
            let instance = try here.dockerInstance()
            try await runtime(here).start(limit: .seconds(30))
            try await runtime(here).stop(limit: .seconds(10))
            for mayBeStopped in [true, false] {
                try Journal(
                    operation: "restart", startedAt: Moment(seconds: 1), runsAfterwards: true,
                    mayBeStopped: mayBeStopped
                ).write(to: instance.folder.journal)
                try here.change { $0.docker = "down" }
                let told = try await here.care(for: instance)
                #expect(told.first?.hasPrefix("“dev” is down since") == true, "\(told)")
                // No command that needs no docker fails because of it, and nothing is forgotten.
                #expect(try !instance.folder.journal.isPresent)
                #expect(try Duty.read(instance.folder.duty)?.tries == 1)
                try here.change { $0.docker = "up" }
                _ = try await here.care(for: instance)
                #expect(try !instance.folder.duty.isPresent)
                #expect(try containers(here) == ["kecs-dev running"])
                try await runtime(here).stop(limit: .seconds(10))
            }
        }
    }

    @Test func `what the engine ended when it was started runs after the next command that changes it`()
        async throws
    {
        try await inWorld(world()) { (here: StandInWorld) async throws in
            let instance = try here.dockerInstance()
            try await runtime(here).start(limit: .seconds(30))
            try await runtime(here).stop(limit: .seconds(10))
            #expect(try await here.care(for: instance) == [])
            #expect(try containers(here) == ["kecs-dev exited"])
            try here.change { world in
                world.containers[0].finishedAt = "2026-11-21T11:47:02.897268294Z"
                world.engineStart = "2026-11-21T11:47:03.3691374Z"
                world.deaths = [world.containers[0].id: 1_795_261_622_919_820_317]
            }
            // Looking starts nothing, and says what is the matter.
            let row = try #require(try await ListInstances(site: here.site).run([instance.name]).first)
            #expect(row.down?.because.contains("was restarted") == true)
            #expect(try containers(here) == ["kecs-dev exited"])
            #expect(try await here.care(for: instance).count == 1)
            #expect(try containers(here) == ["kecs-dev running"])
            #expect(try !instance.folder.journal.isPresent)
        }
    }

    // MARK: Volumes

    /// A volume that is mounted only while a container uses it.
    private func withVolume(programs: [String]) -> World {
        world {
            $0.images[0].programs = programs
            $0.volumes = [.init(name: "lent", options: ["type": "nfs", "device": ":/export"])]
        }
    }

    @Test func `a volume out of reach is copied and filled again, and no helper stays`() async throws {
        try await inWorld(withVolume(programs: [])) { (here: StandInWorld) async throws in
            let runtime = try runtime(here, [.volumes: "lent:/lent"])
            let bytes = here.folder.appending("volumes/lent/_data")
            try bytes.createFolder()
            try bytes.appending("one").replaceContents(Array("one".utf8))
            #expect(try await runtime.volumeAccess.folder(ofVolume: "lent") == nil)
            let tar = here.home.folder.appending("lent.tar")
            try await runtime.volumeAccess.copyVolume("lent", to: tar, limit: .seconds(30))
            try bytes.appending("one").replaceContents(Array("two".utf8))
            try bytes.appending(".extra").replaceContents(Array("extra".utf8))
            try await runtime.volumeAccess.makeReady(volume: "lent")
            try await runtime.volumeAccess.fillVolume("lent", from: tar)
            #expect(try bytes.entries().map(\.string) == ["one"])
            #expect(String(decoding: try bytes.appending("one").contents(), as: UTF8.self) == "one")
            #expect(try containers(here) == [])
        }
    }

    @Test
    func `a copy that is cut short by the limit, or by a dying docker, is a failure and leaves no helper`()
        async throws
    {
        try await inWorld(withVolume(programs: [])) { (here: StandInWorld) async throws in
            let runtime = try runtime(here, [.volumes: "lent:/lent"])
            try here.folder.appending("volumes/lent/_data").createFolder()
            for (number, kind) in ["hang", "die", "fail"].enumerated() {
                try here.change { $0.faults = [Fault(call: "docker container cp", kind: kind, says: "no")] }
                let failure = await #expect(throws: Failure.self) {
                    try await runtime.volumeAccess.copyVolume(
                        "lent", to: here.home.folder.appending("\(number).tar"),
                        limit: kind == "hang" ? .milliseconds(300) : .seconds(60))
                }
                #expect(failure?.kind == (kind == "hang" ? .timeout : .failed))
                #expect(try containers(here) == [])
            }
        }
    }

    @Test func `how much a volume holds is what docker says, when it says it`() async throws {
        try await inWorld(withVolume(programs: [])) { (here: StandInWorld) async throws in
            let runtime = try runtime(here, [.volumes: "lent:/lent"])
            #expect(try await runtime.volumeAccess.room(inVolume: "lent").used == nil)
            try here.change { $0.volumeSizes = ["lent": "4.592MB"] }
            #expect(try await runtime.volumeAccess.room(inVolume: "lent").used == ByteCount(4_596_592))
        }
    }
}

extension Runtime {
    /// Nil when it cannot be told.
    fileprivate func wasTakenDownOrUnknown() async throws -> Bool? {
        do { return try await engine.wasTakenDown() } catch let failure as Failure
            where failure.kind == .unreachable
        {
            return nil
        }
    }
}
