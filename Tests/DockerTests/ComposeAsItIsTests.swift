// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    @Suite struct ComposeVersionTests {
        @Test(
            .enabled(if: ComposeVersion.one.isThere, "docker-compose 1 is not here, or docker has the plugin")
        )
        func `compose 1 is tested`() {}
        @Test(.enabled(if: ComposeVersion.two.isThere, "scripts/compose-v2 could not have compose 2"))
        func `compose 2 is tested`() {}
    }

    /// A project is run as its user runs it: all files, all profiles, every container, in compose's order.
    @Suite struct ComposeAsItIsTests {
        private static let project = """
            version: '3.8'
            services:
              app:
                image: guide-app:1
                stop_grace_period: 3s
                environment: ["DATABASE_URL=sqlite:///app/data/app.db"]
                volumes: ["data:/app/data"]
                healthcheck:
                  test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:3001/health"]
                  interval: 1s
              worker:
                image: guide-app:1
                command: ["sleep", "10000"]
                stop_signal: SIGKILL
                profiles: [extra]
              tunnel:
                image: guide-app:1
                command: ["sleep", "10001"]
                stop_signal: SIGKILL
                depends_on:
                  app: {condition: service_healthy}
                  init: {condition: service_completed_successfully}
              init:
                image: guide-app:1
                command: ["true"]
            volumes:
              data: {}

            """
        private static let override = """
            version: '3.8'
            services:
              app:
                environment: ["EXTRA=from-override"]

            """

        private func adopt(_ here: ComposeScene, _ more: String...) async throws {
            try await here.docker.must(
                ["start", "pcg", "--runtime", "compose", "--service", "app"] + more)
        }

        @Test(arguments: ComposeVersion.here)
        func `restart recreates nothing and loses neither override, profile nor scaled container`(
            version: ComposeVersion
        ) async throws {
            try await ComposeScene.with(version, Self.project) { here in
                try await Engine.buildApp("guide-app:1")
                try here.write("docker-compose.override.yml", Self.override)
                try await here.compose("--profile", "extra", "up", "--detach", "--scale", "worker=2")
                let ids = try await here.ids()
                let before = try await here.containers()
                try await adopt(here, "--compose-file", here.file.string)
                // In another shell, and after the image was made anew.
                try await Engine.buildApp("guide-app:1", version: "2")
                for words in [["restart", "pcg"], ["stop", "pcg"], ["start", "pcg"]] {
                    try await here.docker.must(words)
                    #expect(try await here.ids() == ids, "\(words)")
                    if words[0] == "stop" {
                        #expect(try await Engine.docker("ps", "--quiet") == "")
                    } else {
                        #expect(try await here.containers() == before, "\(words)")
                    }
                }
                let app = version.container("pcg", "app")
                #expect(try await Engine.docker("exec", app, "env").contains("EXTRA=from-override"))
                // What was removed by hand comes back as it was: with the override file, in its profile.
                try await here.compose("--profile", "extra", "down")
                #expect(try await here.containers() == [])
                try await here.docker.must(["start", "pcg"])
                #expect(try await Engine.docker("exec", app, "env").contains("EXTRA=from-override"))
                #expect(try await here.containers().contains("\(version.container("pcg", "worker")) running"))
            }
        }

        @Test(arguments: ComposeVersion.here)
        func `a backup freezes and stops all containers, and each does afterwards what it did before`(
            version: ComposeVersion
        ) async throws {
            try await ComposeScene.with(version, Self.project) { here in
                try await Engine.buildApp("guide-app:1")
                try await here.compose("--profile", "extra", "up", "--detach", "--scale", "worker=3")
                try await adopt(here, "--compose-file", here.file.string)
                try await Engine.docker("pause", version.container("pcg", "worker", 2))
                try await Engine.docker("stop", version.container("pcg", "worker", 3))
                let before = try await here.containers()
                for consistency in ["frozen", "stopped"] {
                    try await here.docker.must(["backup", "pcg", "--consistency", consistency])
                    #expect(try await here.containers() == before, "\(consistency)")
                }
                try await here.docker.must(["restore", "pcg", "--from", "latest"])
                #expect(try await here.containers() == before)
            }
        }

        @Test(arguments: ComposeVersion.here)
        func `who waits for the health of another is started after it, also after a restore`(
            version: ComposeVersion
        ) async throws {
            try await ComposeScene.with(version, Self.project) { here in
                try await Engine.buildApp("guide-app:1")
                try await here.compose("up", "--detach")
                try await adopt(here, "--compose-file", here.file.string)
                try await here.docker.must(["backup", "pcg"])
                for words in [["restore", "pcg", "--from", "latest"], ["stop", "pcg"], ["start", "pcg"]] {
                    try await here.docker.must(words)
                    guard words[0] != "stop" else { continue }
                    let app = version.container("pcg", "app")
                    let tunnel = version.container("pcg", "tunnel")
                    func events() async throws -> [(time: Int64, what: String)] {
                        try await Engine.docker(
                            "events", "--since", "1h", "--until", "0s", "--filter", "type=container",
                            "--format", "{{.TimeNano}} {{.Actor.Attributes.name}} {{.Action}}"
                        ).split(separator: "\n").compactMap { line -> (time: Int64, what: String)? in
                            let parts = line.split(separator: " ", maxSplits: 1)
                            guard parts.count == 2, let time = Int64(parts[0]) else { return nil }
                            return (time: time, what: String(parts[1]))
                        }
                    }
                    func last(_ what: String, in events: [(time: Int64, what: String)]) -> Int64 {
                        events.last { $0.what == what }?.time ?? 0
                    }
                    // The engine tells of what it did a moment later.
                    #expect(
                        try await SystemClock().wait(upTo: .seconds(20)) {
                            let all = try await events()
                            return last("\(tunnel) start", in: all) > last("\(app) start", in: all)
                        }, "\(words)")
                    let all = try await events()
                    let begin = last("\(app) start", in: all)
                    let end = last("\(tunnel) start", in: all)
                    #expect(
                        all.contains {
                            $0.what == "\(app) health_status: healthy" && $0.time >= begin
                                && $0.time <= end
                        }, "\(words): \(all.suffix(12))")
                }
            }
        }

        @Test(arguments: ComposeVersion.here)
        func `a stop is as patient as the project is, and no more`(version: ComposeVersion) async throws {
            let deaf = """
                version: '3.8'
                services:
                  app:
                    image: guide-app:1
                    command: ["sh", "-c", "trap '' TERM; while true; do sleep 1; done"]
                    stop_grace_period: 2s
                    volumes: ["data:/data"]
                    healthcheck: {disable: true}
                volumes:
                  data: {}

                """
            try await ComposeScene.with(version, deaf) { here in
                try await Engine.buildApp("guide-app:1")
                try await here.compose("up", "--detach")
                try await adopt(here, "--compose-file", here.file.string)
                let began = SystemClock().elapsed()
                try await here.docker.must(["stop", "pcg", "--no-backup"])
                // Compose's own 10 s would show as well as kecsctl's 60.
                let took = SystemClock().elapsed() - began
                #expect(took >= .seconds(2))
                func signals() async throws -> (term: Int64, kill: Int64) {
                    let events = try await Engine.docker(
                        "events", "--since", "10m", "--until", "0s", "--filter", "event=kill", "--filter",
                        "container=\(version.container("pcg", "app"))", "--format",
                        "{{.TimeNano}} {{.Actor.Attributes.signal}}"
                    ).split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
                    func last(_ signal: String) -> Int64 {
                        events.last { $0.last == signal }.flatMap { Int64($0[0]) } ?? 0
                    }
                    return (last("15"), last("9"))
                }
                // The engine tells of it a moment later.
                #expect(
                    try await SystemClock().wait(upTo: .seconds(20)) {
                        let (term, kill) = try await signals()
                        return kill > term
                    })
                let (term, kill) = try await signals()
                #expect((1_900_000_000..<10_000_000_000).contains(kill - term))
            }
        }

        @Test(arguments: ComposeVersion.here)
        func `files and profiles are those of COMPOSE_FILE, of several flags, or of the folder`(
            version: ComposeVersion
        ) async throws {
            try await ComposeScene.with(version, Self.project) { here in
                try await Engine.buildApp("guide-app:1")
                try here.write("more.yml", Self.override)
                let app = version.container("pcg", "app")
                var kecsctl = here.docker.kecsctl
                kecsctl.folder = here.folder
                func check(
                    _ environment: [String: String], _ arguments: [String], _ name: String
                ) async throws {
                    var kecsctl = kecsctl
                    kecsctl.environment.merge(environment) { _, new in new }
                    let answer = try await kecsctl.run(
                        ["start", name, "--runtime", "compose", "--service", "app"] + arguments)
                    #expect(answer.status == 0, "\(answer.errors)")
                    #expect(
                        try await Engine.docker("exec", app, "env").contains("EXTRA=from-override"), "\(name)"
                    )
                    #expect(
                        try await here.containers().contains(
                            "\(version.container("pcg", "worker")) running"), "\(name)")
                    // Later in a shell that knows nothing of it, as cron's.
                    try await here.compose("--profile", "extra", "down")
                    try await here.docker.must(["start", name])
                    #expect(
                        try await Engine.docker("exec", app, "env").contains("EXTRA=from-override"), "\(name)"
                    )
                    #expect(
                        try await here.containers().contains(
                            "\(version.container("pcg", "worker")) running"), "\(name)")
                    try await here.compose("--profile", "extra", "down")
                    try await here.docker.must(["destroy", name, "--yes"])
                }
                try await check(
                    ["COMPOSE_FILE": "docker-compose.yml:more.yml", "COMPOSE_PROFILES": "extra"], [], "one")
                try await check(
                    [:],
                    [
                        "--compose-file", "docker-compose.yml", "--compose-file", "more.yml", "--profile",
                        "extra",
                    ],
                    "two")
                try here.folder.appending("more.yml").rename(
                    to: here.folder.appending("docker-compose.override.yml"))
                try await check([:], ["--profile", "extra"], "three")
            }
        }

        @Test(arguments: ComposeVersion.here)
        func `a volume that is gone comes back as compose's own, with its labels`(
            version: ComposeVersion
        )
            async throws
        {
            try await ComposeScene.with(version, Self.project) { here in
                try await Engine.buildApp("guide-app:1")
                try await here.compose("up", "--detach")
                try await adopt(here, "--compose-file", here.file.string)
                let insert = "INSERT INTO projects (name) VALUES ('kept')"
                try await here.compose(
                    "exec", "-T", "app", "sqlite3", "-cmd", ".timeout 5000", "/app/data/app.db", insert)
                try await here.docker.must(["backup", "pcg"])
                try await here.compose("down", "--volumes")
                try await here.docker.must(["restore", "pcg", "--from", "latest"])
                let labels = try await Engine.docker(
                    "volume", "inspect", "--format", "{{json .Labels}}", "pcg_data")
                #expect(labels.contains("\"com.docker.compose.volume\":\"data\""), "\(labels)")
                // Compose takes it for its own.
                try await here.compose("up", "--detach")
                let rows = try await here.compose(
                    "exec", "-T", "app", "sqlite3", "-cmd", ".timeout 5000", "/app/data/app.db",
                    "SELECT name FROM projects")
                #expect(rows == "kept\n")
            }
        }
    }
}
