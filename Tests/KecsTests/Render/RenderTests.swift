// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsRuntimes

@Suite struct RenderTests {
    private func text(_ form: Rendering.Form, settings: [String: JSONValue] = [:]) async throws -> String {
        var result = ""
        try await CheckScene.with(runtime: .docker, settings: settings) { scene in
            scene.site.machine.environment["DOCKER_HOST"] = "tcp://x:1"
            result = try Rendering(try scene.site.instance(scene.name), site: scene.site).text(form)
        }
        return result
    }

    @Test func `compose names this instance's image, owner, ports and folder`() async throws {
        let text = try await text(
            .compose, settings: ["image": "kecs:1", "owner": "1001:1002", "apiPort": 6000, "adminPort": 6001])
        for words in [
            "image: \"kecs:1\"", "user: \"1001:1002\"", "\"127.0.0.1:6000:5373\"", "\"127.0.0.1:6001:5374\"",
            "restart: unless-stopped", "condition: service_completed_successfully", "healthcheck:",
            "chown 1001:1002 /data",
        ] {
            #expect(text.contains(words), "\(words)")
        }
    }

    @Test func `a dollar in a path stays a dollar`() async throws {
        #expect(try await text(.compose, settings: ["dataDir": "/srv/a$b"]).contains("source: \"/srv/a$$b\""))
    }

    @Test func `docker's group is that of its socket`() async throws {
        try await CheckScene.with(runtime: .docker) { scene in
            let socket = scene.home.folder.appending("sock")
            try scene.write(socket)
            scene.site.machine.environment["DOCKER_HOST"] = "unix://\(socket)"
            let group = try #require(try FileStatus.of(socket)).group
            let text = try Rendering(try scene.site.instance(scene.name), site: scene.site).text(.compose)
            #expect(text.contains("group_add:\n      - \"\(group)\"\n    restart:"))
        }
    }

    @Test func `kubernetes gets one writer, a claim of 10 Gi and probes`() async throws {
        let text = try await text(.kubernetes, settings: ["owner": "1001"])
        for words in [
            "storage: 10Gi", "type: Recreate", "replicas: 1", "runAsUser: 1001", "fsGroup: 1001",
            "kind: Service",
        ] {
            #expect(text.contains(words), "\(words)")
        }
    }

    private static let hasShellcheck = FilePath("/usr/bin/shellcheck").isPresent

    @Test(
        .enabled(if: hasShellcheck, "shellcheck is not installed"),
        arguments: [Rendering.Form.docker, .entrypoint])
    func `scripts pass shellcheck`(form: Rendering.Form) async throws {
        var call = ProcessCall("shellcheck", "-")
        call.input = .bytes(Array(try await text(form).utf8))
        let result = try await SystemProcesses(
            environment: ["PATH": "/usr/bin:/bin"], cancellation: Cancellation()
        ).run(call)
        #expect(result.succeeded, "\(result.outputText)")
    }

    @Test func `the workflow calls nothing that the guides got wrong`() async throws {
        let text = try await text(.githubActions)
        #expect(text.contains("kecsctl backup dev --quiet"))
        for recipe in Recipes.all {
            #expect(recipe.find(Script(.init(path: "x.yml", text: text))) == [], "\(recipe.id)")
        }
    }
}
