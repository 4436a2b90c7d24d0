// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// Nothing that happens to containers, images or the engine may cost a row.
    @Suite struct DockerPersistenceTests {
        @Test func `rows outlive restart, rebuild, removal of the container, and the engine's end`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:plain"] + scene.ports)
                // 1, 2: insert, read.
                try scene.insertRow("Test Project")
                #expect(try scene.rows() == 1)
                // 3, 4: stop and start, read.
                try await scene.must(["stop", "dev"])
                #expect(try await scene.state() == "stopped")
                try await scene.must(["start", "dev"])
                #expect(try scene.rows() == 1)
                // 5, 6: rebuild, read; it is the new image that runs.
                try await Engine.build("kecs-test:plain", version: "2")
                try await scene.must(["restart", "dev"])
                #expect(try scene.rows() == 1)
                #expect(try await Engine.docker("exec", "kecs-dev", "cat", "/etc/version") == "2\n")
                // 7, 8: down and up, read.
                try await Engine.docker("rm", "-f", "kecs-dev")
                #expect(try await scene.state() == "absent")
                try await scene.must(["start", "dev"])
                #expect(try scene.rows() == 1)
                for signal in ["term", "kill"] {
                    try await Engine.order(signal)
                    #expect(try await scene.state() == "unknown")
                    try await Engine.order("start")
                    // An engine that was killed ends what ran when it is started, and does not start it again: we do.
                    #expect(try await scene.state() == "running")
                    #expect(try scene.rows() == 1)
                }
                #expect(
                    try await Engine.inventory().filter { $0.hasPrefix("container") } == [
                        "container kecs-dev"
                    ])
            }
        }

        @Test func `what somebody stopped stays stopped, whatever happens to the engine`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:plain"] + scene.ports)
                try await Engine.docker("stop", "kecs-dev")
                #expect(try await scene.state() == "stopped")
                for signal in ["kill", "term"] {
                    try await Engine.order(signal)
                    try await Engine.order("start")
                    #expect(try await scene.state() == "stopped")
                }
                try await scene.must(["start", "dev"])
                try await scene.must(["stop", "dev"])
                try await Engine.order("kill")
                try await Engine.order("start")
                #expect(try await scene.state() == "stopped")
            }
        }

        @Test func `test persistence rebuilds the container and takes it away, and the server has the rows`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:plain"] + scene.ports)
                try scene.insertRow("kept")
                let old = try await Engine.docker("inspect", "--format", "{{.Id}}", "kecs-dev")
                let inventory = try await Engine.inventory()
                let report = try await scene.must(["test", "persistence", "dev", "-o", "json"]).first()
                #expect(report["survived"] == ["restart", "rebuild", "down"])
                #expect(report["skipped"] == [])
                #expect(try await Engine.inventory() == inventory)
                #expect(try await Engine.docker("inspect", "--format", "{{.Id}}", "kecs-dev") != old)
                #expect(try await scene.state() == "running")
                #expect(try scene.rows() == 1)
                // One that was stopped is stopped afterwards.
                try await scene.must(["stop", "dev", "--no-backup"])
                let stopped = try await scene.must(["test", "persistence", "dev", "-o", "json"]).first()
                #expect(stopped["survived"] == ["restart", "rebuild", "down"])
                #expect(try await scene.state() == "stopped")
                try await scene.must(["start", "dev"])
                // What is made in the data folder is there for the server, and nothing of it stays.
                let mounts = try await scene.must(["test", "mount", "dev", "-o", "json"]).first()["mounts"]?
                    .array
                #expect(mounts?.compactMap { $0["result"]?.string } == ["same"], "\(mounts ?? [])")
                #expect(try !scene.data.entries().contains { $0.string.contains("mount-test") })
                // A container without the data folder: what is written here is not what the server has.
                try await Engine.docker("rm", "-f", "kecs-dev")
                try await Engine.docker(
                    "run", "-d", "--name", "kecs-dev", "-p", "127.0.0.1:\(scene.admin):8081",
                    "kecs-test:plain")
                let wrong = try await scene.kecsctl("test", "persistence", "dev")
                #expect(wrong.status == 13, "\(wrong.errors)")
                // Nor is the folder here what a backup of it would have to hold.
                let backup = try await scene.kecsctl("backup", "dev")
                #expect(backup.status == 1, "\(backup.errors)")
                #expect(backup.errors.contains("does not have the data of “dev”"), "\(backup.errors)")
                #expect(try await scene.state() == "running")
            }
        }

        @Test func `a single file that is bound into an adopted container is a part`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                let data = scene.root.appending("kecs-data")
                try data.createFolder()
                try data.setOwner((65532, 65532))
                let file = scene.root.appending("app.conf")
                try file.replaceContents(Array("level=info\n".utf8), mode: 0o644)
                try await Engine.docker(
                    "run", "-d", "--name", "app", "-p", "127.0.0.1:\(scene.admin):8081", "-v",
                    "\(data):/data",
                    "-v", "\(file):/srv/app.conf", "kecs-test:plain")
                try await scene.must(["start", "dev", "--runtime", "docker", "--container", "app"])
                let report = try await scene.must(["backup", "dev", "-o", "json"]).first()
                let parts = try #require(report["backup"]?["parts"]?.array).compactMap { $0["name"]?.string }
                #expect(parts == ["data", "config", "app.conf"])
                try file.replaceContents(Array("level=debug\n".utf8), mode: 0o644)
                try await scene.must(["restore", "dev", "--from", "latest"])
                #expect(String(decoding: try file.contents(), as: UTF8.self) == "level=info\n")
                #expect(try await Engine.docker("exec", "app", "cat", "/srv/app.conf") == "level=info\n")
                try await scene.must(["undo", "dev"])
                #expect(String(decoding: try file.contents(), as: UTF8.self) == "level=debug\n")
                #expect(try await Engine.docker("exec", "app", "cat", "/srv/app.conf") == "level=debug\n")
            }
        }

        @Test
        func
            `a server that never gets well is out of time, one without its database has failed, and neither stays`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:mute", variables: "HEALTH_STATUS=starting")
                try await Engine.build("kecs-test:lost", variables: "HEALTH=unhealthy")
                try await scene.must(["config", "set", "startLimit", "5s"])
                for (image, status, words) in [
                    ("kecs-test:mute", Int32(15), "its status is “starting”"),
                    ("kecs-test:lost", 1, "the status of its persistence is “unhealthy”"),
                ] {
                    let answer = try await scene.kecsctl.run(
                        ["start", "dev", "--runtime", "docker", "--image", image] + scene.ports)
                    #expect(answer.status == status, "\(answer.errors)")
                    #expect(answer.errors.contains(words), "\(answer.errors)")
                    #expect(try await Engine.docker("ps", "-q") == "")
                }
            }
        }

        @Test func `the data folder belongs to the server's user before docker sees it`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                let folder = scene.root.appending("kecs-data")
                try await scene.must(
                    [
                        "start", "dev", "--runtime", "docker", "--image", "kecs-test:plain", "--data-dir",
                        folder.string,
                    ]
                        + scene.ports)
                let status = try #require(try FileStatus.of(folder))
                #expect(status.owner == 65532)
                #expect(status.group == 65532)
                let group = try #require(
                    try FileStatus.of(FilePath(String(Engine.host.dropFirst("unix://".count))))
                ).group
                let facts = try await Engine.docker(
                    "inspect", "kecs-dev", "--format",
                    "{{json .HostConfig.GroupAdd}} {{.HostConfig.RestartPolicy.Name}} {{json .HostConfig.PortBindings}}"
                )
                #expect(facts.contains("[\"\(group)\"] unless-stopped"))
                #expect(facts.contains("\"HostIp\":\"127.0.0.1\",\"HostPort\":\"\(scene.api)\""))
            }
        }

        @Test func `a second instance on the same data folder is refused`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:plain"] + scene.ports)
                let other = try await scene.kecsctl(
                    "start", "other", "--runtime", "docker", "--image", "kecs-test:plain", "--data-dir",
                    scene.data.string)
                #expect(other.status == 11)
                #expect(other.errors.contains("“dev”"), "\(other.errors)")
                // The same when docker knows nothing of it.
                let local = try await scene.kecsctl(
                    "start", "third", "--runtime", "local", "--data-dir", scene.data.string)
                #expect(local.status == 11)
                #expect(try !scene.root.appending("home/instances/other").isPresent)
                #expect(try !scene.root.appending("home/instances/third").isPresent)
            }
        }

        @Test func `six instances that are made at once collide in nothing`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                let names = (1...6).map { "six\($0)" }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for name in names {
                        group.addTask {
                            try await scene.must([
                                "start", name, "--runtime", "docker", "--image", "kecs-test:plain",
                            ])
                        }
                    }
                    try await group.waitForAll()
                }
                let ports = try await scene.kecsctl("list", "-o", "json").items().compactMap {
                    $0["apiPort"]?.integer
                }
                #expect(Set(ports).count == 6)
                try await scene.must(["stop", "--all"])
                try await scene.must(["start"] + names)
                for name in names { #expect(try await scene.state(of: name) == "running") }
            }
        }

        @Test func `what cannot work is refused before anything exists`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:plain"] + scene.ports)
                let before = try await Engine.inventory()
                let start = ["start", "other", "--runtime", "docker"]
                let good = start + ["--image", "kecs-test:plain"]
                let cases: [([String], Int32, String)] = [
                    (start + ["--image", "localhost:1/nope:1"], 1, "there is no image “localhost:1/nope:1”"),
                    (start + ["--image", "--privileged"], 64, ""),
                    (
                        good + ["--api-port", "\(scene.api)"], 1,
                        "the port \(scene.api) that “other” needs is taken"
                    ),
                    (good + ["--volume", "repos:relative"], 64, "cannot be mounted"),
                    (good + ["--volume", "./repos:/repos"], 64, "cannot be mounted"),
                    (good + ["--owner", "nobody"], 64, "is no owner"),
                    (start + ["--container", "nowhere"], 10, "there is no container “nowhere”"),
                    (start + ["--container", "kecs-dev"], 11, "belongs to the instance “dev”"),
                    (
                        ["start", String(repeating: "a", count: 28), "--runtime", "docker"], 64,
                        "cannot be the name"
                    ),
                ]
                for (arguments, status, words) in cases {
                    let answer = try await scene.kecsctl.run(arguments)
                    #expect(answer.status == status, "\(arguments): \(answer.errors)")
                    #expect(answer.errors.contains(words), "\(arguments): \(answer.errors)")
                }
                #expect(try await Engine.inventory() == before)
                #expect(try scene.root.appending("home/instances").entries().map(\.string) == ["dev"])
            }
        }
    }
}
