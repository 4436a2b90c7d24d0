// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import Testing

@testable import KecsRuntimes

/// What a container is written down as.
@Suite struct RunningServiceTests {
    private let facts = """
        {"Id":"0123456789abcdef","Name":"/app","Image":"sha256:1","Config":{"Image":"app:1","User":"1001",
        "Hostname":"0123456789ab","Cmd":["server"],"Entrypoint":null,"WorkingDir":"/",
        "Env":["PATH=/bin","OPENAI_API_KEY=sk-123456789","DATABASE_URL=postgres://u:hunter22hunter@db/x","COST=5$","EMPTY_KEY="],
        "Healthcheck":{"Test":["CMD-SHELL","curl -H sk-123456789"],"Interval":30000000000,"Retries":3},
        "Labels":{"com.docker.compose.project":"p","com.docker.compose.service":"app","mine":"1"}},
        "HostConfig":{"NetworkMode":"p_default","RestartPolicy":{"Name":"unless-stopped","MaximumRetryCount":0},
        "PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":""}]},"Tmpfs":{"/tmp":"size=1m"},"CapAdd":["SYS_TIME"]},
        "Mounts":[{"Type":"volume","Name":"v","Source":"/x","Destination":"/data","RW":true},
        {"Type":"bind","Source":"/srv/$a","Destination":"/conf","RW":false}],
        "NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"32768"}]},
        "Networks":{"p_default":{"Aliases":["app","0123456789ab","db.local"]}}}}
        """
    private let image = """
        {"Config":{"Env":["PATH=/bin"],"Cmd":["server"],"Entrypoint":null,"WorkingDir":"/","User":"","Labels":null}}
        """

    private func service(tagged: String? = "sha256:1") throws -> RunningService {
        RunningService(try JSONValue(parsing: facts), image: try JSONValue(parsing: image), tagged: tagged)
    }

    @Test func `no secret's value is in the text, wherever it stands`() throws {
        let text = ComposeText(
            project: "p", services: [try service()],
            networks: ["p_default": ["com.docker.compose.network": "default"]]
        ).text(heading: "x")
        #expect(!text.contains("sk-123456789") && !text.contains("hunter22hunter"), "\(text)")
        for line in [
            "\"OPENAI_API_KEY\": \"${OPENAI_API_KEY:?set OPENAI_API_KEY}\"",
            "\"DATABASE_URL\": \"${DATABASE_URL:?set DATABASE_URL}\"", "\"COST\": \"5$$\"",
            "\"EMPTY_KEY\": \"\"",
            "test: [\"CMD-SHELL\", \"curl -H ${OPENAI_API_KEY}\"]", "interval: 30000ms",
            "- \"127.0.0.1:32768:80/tcp\"", "source: \"/srv/$$a\"", "read_only: true", "user: \"1001\"",
            "restart: \"unless-stopped\"", "- \"/tmp:size=1m\"", "aliases: [\"db.local\"]",
            "name: \"p_default\"",
            "\"mine\": \"1\"", "external: true", "- \"SYS_TIME\"",
        ] { #expect(text.contains(line), "\(line)\n\(text)") }
        for word in ["PATH", "com.docker.compose", "hostname", "command"] {
            #expect(!text.contains(word), "\(word)\n\(text)")
        }
    }

    @Test func `an image whose tag has moved on is named by its id`() throws {
        let service = try service(tagged: "sha256:2")
        #expect(service.image == "sha256:1")
        #expect(service.formerTag == "app:1")
    }

    @Test func `docker run gets the same`() throws {
        let words = try service().dockerWords
        #expect(Array(words.prefix(5)) == ["docker", "run", "--detach", "--name", "app"])
        #expect(words.contains("OPENAI_API_KEY") && !words.contains { $0.hasPrefix("OPENAI_API_KEY=") })
        #expect(words.contains("type=bind,source=/srv/$a,target=/conf,readonly"))
        #expect(words.last == "app:1")
    }
}
