// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes

/// `render env` and `render dockerfile`.
@Suite struct RenderImageTests {
    private static let facts = #"""
        {"Id":"0123456789abcdef","Name":"/app","Image":"sha256:1","Config":{"Image":"app:1","User":"1001:1002",
        "Cmd":["serve","--port","3001"],"Entrypoint":["/app/server"],"WorkingDir":"/",
        "Env":["PATH=/bin","OPENAI_API_KEY=sk-123456789","DATABASE_URL=sqlite:///app/dev_assets/db.sqlite",
        "COST=5$ a 'day'","PLAIN=a b","LINES=a\nb"],
        "Healthcheck":{"Test":["CMD","wget","-q","http://127.0.0.1:3001/"],"Interval":30000000000,
        "StartPeriod":40000000000,"Retries":3},
        "Labels":{"com.docker.compose.service":"app"}},
        "HostConfig":{"NetworkMode":"bridge"},
        "Mounts":[{"Type":"volume","Name":"v","Source":"/x","Destination":"/repos","RW":true},
        {"Type":"bind","Source":"/srv/a","Destination":"/app/dev_assets","RW":true},
        {"Type":"bind","Source":"/var/run/docker.sock","Destination":"/var/run/docker.sock","RW":true},
        {"Type":"bind","Source":"/srv/$a","Destination":"/conf","RW":false}]}
        """#

    private func text(_ form: Rendering.Form, isRunning: Bool) async throws -> String {
        var result = ""
        try await CheckScene.with(runtime: .docker) { scene in
            scene.site.machine.environment["DOCKER_HOST"] = "tcp://x:1"
            try scene.setSetting("dockerHost", "tcp://x:1")
            let instance = try scene.site.instance(scene.name)
            try instance.dataFolder().createFolder()
            var rendering = try Rendering(instance, site: scene.site)
            if isRunning {
                let service = RunningService(
                    try JSONValue(parsing: Self.facts), image: try JSONValue(parsing: "{}"),
                    tagged: "sha256:1")
                rendering.running = [service, service]
            }
            result = rendering.text(form)
        }
        return result
    }

    @Test func `a secret stands in the file by its name alone, and every other value as it is`() async throws
    {
        let text = try await text(.env, isRunning: true)
        #expect(!text.contains("sk-123456789"), "\(text)")
        let lines = text.split(separator: "\n").map(String.init)
        for line in [
            "OPENAI_API_KEY", "DATABASE_URL=sqlite:///app/dev_assets/db.sqlite", "PLAIN='a b'",
            #"COST="5\$ a 'day'""#, "# LINES has a line end in it, which no such file can hold",
        ] { #expect(lines.contains(line), "\(line)\n\(text)") }
        #expect(lines.filter { $0 == "OPENAI_API_KEY" }.count == 1)
    }

    @Test func `docker-compose reads from it what the container has`() async throws {
        let text = try await text(.env, isRunning: true)
        try await withTemporaryFolder { folder in
            try folder.appending("app.env").replaceContents(Array(text.utf8))
            try folder.appending("compose.yml").replaceContents(
                Array("version: '3'\nservices:\n  app:\n    image: app:1\n    env_file: app.env\n".utf8))
            let result = try await ForeignTools.run(
                "docker-compose", ["-f", folder.appending("compose.yml").string, "config"])
            #expect(result.succeeded, "\(result.errorText)")
            #expect(result.outputText.contains("PLAIN: a b"), "\(result.outputText)")
            #expect(result.outputText.contains("DATABASE_URL: sqlite:///app/dev_assets/db.sqlite"))
            #expect(!result.outputText.contains("sk-123456789"))
        }
    }

    @Test func `the environment of what does not run yet names whom the data belongs to`() async throws {
        let text = try await text(.env, isRunning: false)
        #expect(text.contains("\nUID=\(Machine.userID)\nGID=\(Machine.groupID)\n"), "\(text)")
        #expect(text.contains("KECS_DATA_DIR=/data"))
    }

    @Test func `the image holds no data, runs as its user, behind tini`() async throws {
        let text = try await text(.dockerfile, isRunning: true)
        for line in [
            "FROM app:1", "RUN mkdir -p /app/dev_assets /repos && chown 1001:1002 /app/dev_assets /repos",
            "USER 1001:1002", #"ENTRYPOINT ["tini", "--", "/app/server", "serve", "--port", "3001"]"#,
            "HEALTHCHECK --interval=30000ms --start-period=40000ms --retries=3 CMD "
                + #"["wget", "-q", "http://127.0.0.1:3001/"]"#,
            #"ENV COST="5\$ a 'day'""#,
        ] { #expect(text.split(separator: "\n").contains(Substring(line)), "\(line)\n\(text)") }
        #expect(!text.contains("sk-123456789") && !text.contains("OPENAI_API_KEY"))
        #expect(!text.contains("COPY") && !text.contains("/conf") && !text.contains("docker.sock"))
        // The last USER of an image is whom it runs as.
        #expect(text.split(separator: "\n").last { $0.hasPrefix("USER") } == "USER 1001:1002")
    }

    @Test func `without a container it is what the settings would make`() async throws {
        let text = try await text(.dockerfile, isRunning: false)
        #expect(text.contains("FROM ghcr.io/nandemo-ya/kecs:latest\n"))
        #expect(text.contains("USER 65532:65532\n"))
        #expect(text.contains("/data"))
    }
}
