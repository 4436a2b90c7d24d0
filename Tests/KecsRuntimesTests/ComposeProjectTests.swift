// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import KecsRuntimes

@Suite struct ComposeProjectTests {
    /// As `docker-compose config` 1.29.2 prints the guides' project.
    private let v1 = """
        services:
          after:
            depends_on:
              app:
                condition: service_started
            image: x
          app:
            depends_on:
              db:
                condition: service_started
            environment:
              KECS_DATA_DIR: /data
            ports:
            - 127.0.0.1:19080:8080/tcp
            - 3001:3001/tcp
            - '9000'
            user: 0:0
            volumes:
            - /srv/dev_assets:/data:rw
            - repos_data:/repos:rw
            - /anonymous
          db:
            image: x
            volumes:
            - scratch:/data:rw
        version: '3.8'
        volumes:
          repos_data:
            labels:
              com.pcg-cc-mcp.backup: "true"
          scratch:
            external: true
            name: elsewhere
        """

    /// As `docker compose config --format json` (v2) prints the same: the fields and their kinds are those of compose-go's
    /// `types/types.go` (a published port is text, a target a number, dependencies and labels are objects, what is not
    /// given is left out or null). Debian has no v2 to record it from.
    private let v2 = """
        {"name":"pcg","services":{
        "after":{"command":null,"depends_on":{"app":{"condition":"service_started","required":true}},"entrypoint":null,
        "image":"x","networks":{"default":null}},
        "app":{"build":{"context":"/srv","dockerfile":"Dockerfile"},"command":null,
        "depends_on":{"db":{"condition":"service_started","required":true,"restart":true}},"entrypoint":null,
        "environment":{"KECS_DATA_DIR":"/data"},"networks":{"default":null},
        "ports":[{"mode":"ingress","host_ip":"127.0.0.1","target":8080,"published":"19080","protocol":"tcp"},
        {"mode":"ingress","target":3001,"published":"3001","protocol":"tcp"},
        {"mode":"ingress","target":9000,"protocol":"tcp"}],
        "restart":"unless-stopped","user":"0:0",
        "volumes":[{"type":"bind","source":"/srv/dev_assets","target":"/data","bind":{"create_host_path":true}},
        {"type":"volume","source":"repos_data","target":"/repos","volume":{}},
        {"type":"volume","target":"/anonymous","volume":{}},{"type":"tmpfs","target":"/tmp"}]},
        "db":{"command":null,"entrypoint":null,"image":"x","networks":{"default":null},
        "volumes":[{"type":"volume","source":"scratch","target":"/data","volume":{}}]}},
        "networks":{"default":{"name":"pcg_default","ipam":{}}},
        "volumes":{"repos_data":{"name":"pcg_repos_data","labels":{"com.pcg-cc-mcp.backup":"true"}},
        "scratch":{"name":"elsewhere","external":true}}}
        """

    @Test func `a variable without a value and a range of ports are no reason to fail`() throws {
        let text = """
            {"name":"x","services":{"app":{"environment":{"HTTP_PROXY":null,"A":"1"},
            "ports":[{"mode":"ingress","target":80,"published":"8000-8010","protocol":"tcp"}]}}}
            """
        let project = ComposeProject(try JSONValue(parsing: text), named: "other")
        let app = try #require(project.services.first)
        #expect(app.environment == ["HTTP_PROXY": "", "A": "1"])
        #expect(app.ports == [])
    }

    @Test func `both versions of compose say the same`() throws {
        let old = ComposeProject(try ComposeYAML.parse(Array(v1.utf8)), named: "pcg")
        let new = ComposeProject(try JSONValue(parsing: v2), named: "other")
        #expect(old.name == "pcg")
        #expect(new.name == "pcg")
        #expect(old.volumes == new.volumes)
        for (left, right) in zip(old.services, new.services) {
            #expect(left.name == right.name)
            #expect(left.mounts == right.mounts)
            #expect(left.ports == right.ports)
            #expect(left.dependsOn == right.dependsOn)
            #expect(left.environment == right.environment)
            #expect(left.user == right.user)
        }
        let app = try #require(new.services.first { $0.name == "app" })
        #expect(app.mounts.map(\.target) == ["/data", "/repos"])
        #expect(app.ports.map(\.published) == [19080, 3001])
        #expect(new.dockerMounts().compactMap(\.name) == ["pcg_repos_data", "elsewhere"])
        #expect(ComposeOrder(new).layers(Set(new.services.map(\.name))) == [["db"], ["app"], ["after"]])
    }

    @Test func `a circle of dependencies ends`() throws {
        let text = "services: {a: {depends_on: [b]}, b: {depends_on: [a]}}"
        let project = ComposeProject(try ComposeYAML.parse(Array(text.utf8)), named: "x")
        #expect(Set(ComposeOrder(project).layers(["a", "b"]).flatMap(\.self)) == ["a", "b"])
    }

    @Test func `a project without a name has its folder's, or the one of .env`() throws {
        try withTemporaryFolder { root in
            let folder = root.appending("My Project_1.x")
            try folder.createFolder()
            let file = folder.appending("compose.yml")
            let files = ComposeFiles(files: [file])
            #expect(files.folderName == "myproject_1x")
            #expect(try files.projectVariable(environment: [:]) == nil)
            try folder.appending(".env").replaceContents(Array("A=1\nCOMPOSE_PROJECT_NAME='named'\n".utf8))
            #expect(try files.projectVariable(environment: [:]) == "named")
            #expect(try files.projectVariable(environment: ["COMPOSE_PROJECT_NAME": "given"]) == "given")
        }
    }
}
