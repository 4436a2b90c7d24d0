// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes
@testable import standin

/// What `logs` and `status --deep` find out about a control plane in a cluster.
@Suite(.serialized) struct K3dLookTests {
    /// A control plane that runs, with a database of one cluster.
    private func start(_ here: StandInWorld) async throws -> Instance {
        let instance = try here.instance()
        try instance.folder.data.createFolder()
        let database = try SQLiteDatabase(try instance.databaseFile(), .create)
        try database.execute("CREATE TABLE clusters (arn TEXT, name TEXT)")
        try database.execute("INSERT INTO clusters VALUES ('arn:aws:ecs:us-east-1:0:cluster/prod', 'prod')")
        try database.execute("PRAGMA user_version = 7")
        try await here.runtime(instance).start(limit: .seconds(30))
        return instance
    }

    // MARK: Logs

    @Test func `the last lines of the pod's log, and no more of them than asked for`() async throws {
        try await StandInWorld.with(World(podLog: "one\ntwo\nthree\n")) { (here: StandInWorld) async throws in
            let instance = try await start(here)
            let log = LogCollector()
            #expect(try await here.runtime(instance).log(LogRequest(tail: 2), to: log.sink))
            #expect(log.output == "two\nthree\n")
            #expect(log.errors == "")
            let young = LogCollector()
            _ = try await here.runtime(instance).log(
                LogRequest(tail: 2, since: TimeSpan(milliseconds: 250)), to: young.sink)
            #expect(young.output == "")
            #expect(
                try here.calls().contains { $0.hasSuffix("--container controlplane --tail=2 --since=1s") })
        }
    }

    @Test func `what is written while the log is followed comes too`() async throws {
        try await StandInWorld.with(World(podLog: "one\n")) { (here: StandInWorld) async throws in
            let instance = try await start(here)
            let log = LogCollector()
            async let end = try here.runtime(instance).log(LogRequest(tail: 5, follow: true), to: log.sink)
            let came = try await SystemClock().wait(upTo: .seconds(30)) { log.output == "one\n" }
            try #require(came)
            try here.change { $0.podLog = "one\ntwo\n" }
            #expect(try await end)
            #expect(log.output == "one\ntwo\n")
        }
    }

    @Test func `a container that waits for its image has no log, and it is said why`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try await start(here)
            let failure = await #expect(throws: Failure.self) {
                try await here.runtime(instance).log(LogRequest(tail: 5), to: LogCollector().sink)
            }
            #expect(failure?.cause?.contains("is waiting to start: image can't be pulled") == true)
        }
    }

    @Test func `without a cluster, with a stopped one and with a silent one each says what it is`()
        async throws
    {
        try await StandInWorld.with(World(podLog: "one\n")) { (here: StandInWorld) async throws in
            func kind() async throws -> Failure.Kind? {
                await #expect(throws: Failure.self) {
                    try await here.runtime(try here.instance()).log(
                        LogRequest(tail: 5), to: LogCollector().sink)
                }?.kind
            }
            #expect(try await kind() == .notFound)
            let instance = try await start(here)
            try here.change { $0.silent = ["kecs-dev"] }
            #expect(try await kind() == .unreachable)
            try here.change { $0.silent = [] }
            try await here.runtime(instance).stop(limit: .seconds(30))
            #expect(try await kind() == .failed)
            try here.change { $0.docker = "down" }
            #expect(try await kind() == .unreachable)
        }
    }

    // MARK: Deep

    /// curl, as the ECS API answers it.
    private func serve(_ clusters: String, _ here: StandInWorld) throws {
        try here.home.tools.add(
            "curl",
            """
            case "$*" in
            *X-Amz-Target:\\ AmazonEC2ContainerServiceV20141113.ListClusters*) echo '{"clusterArns":[\(clusters)]}' ;;
            *X-Amz-Target:\\ AmazonEC2ContainerServiceV20141113.ListServices*) echo '{"serviceArns":[]}' ;;
            *) exit 22 ;;
            esac
            echo 200
            """)
    }

    private let prod = "\"arn:aws:ecs:us-east-1:000000000000:cluster/prod\""

    @Test func `the pod and this host have one file, and the API says what is in it`() async throws {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try await start(here)
            try serve(prod, here)
            let found = try await InspectDeep(site: here.site).run(instance)
            #expect(found.problems == [])
            #expect(found.unknown == [])
            #expect(found.server?.path == "/data/kecs.db")
            #expect(found.server?.inode == found.host?.inode)
            #expect(found.server?.userVersion == 7)
            #expect(found.api?.clusters == ["prod"])
        }
    }

    @Test func `another folder in the pod, and a cluster that the API does not tell of, are problems`()
        async throws
    {
        try await StandInWorld.with { (here: StandInWorld) async throws in
            let instance = try await start(here)
            try serve("", here)
            let other = here.home.folder.appending("other")
            try other.createFolder()
            try instance.databaseFile().copyContents(to: other.appending("kecs.db"))
            try here.change { world in
                let key = "deployment/kecs-system/kecs-server"
                // Of a folder that is not bound into the node the pod would not come up.
                world.clusters[0].binds.append("\(other):\(other)")
                guard let object = world.objects["kecs-dev"]?[key],
                    let text = Optional(
                        object.text().replacing(instance.folder.data.string, with: other.string))
                else { return }
                world.objects["kecs-dev"]?[key] = try? JSONValue(parsing: text)
            }
            let found = try await InspectDeep(site: here.site).run(instance)
            #expect(found.problems.count == 2)
            #expect(found.problems.contains { $0.contains("another folder is mounted there") })
            #expect(found.problems.contains { $0.contains("the API reports the clusters none") })
            // A folder without a database at all.
            try other.appending("kecs.db").remove()
            let empty = try await InspectDeep(site: here.site).run(instance)
            #expect(empty.problems.contains { $0.contains("the server sees no /data/kecs.db") })
        }
    }

    @Test func `an image without programs leaves it unknown, which is no problem`() async throws {
        try await StandInWorld.with(World(podPrograms: [])) { (here: StandInWorld) async throws in
            let instance = try await start(here)
            try serve(prod, here)
            let found = try await InspectDeep(site: here.site).run(instance)
            #expect(found.problems == [])
            #expect(found.server == nil)
            #expect(found.unknown.count == 1)
        }
    }
}
