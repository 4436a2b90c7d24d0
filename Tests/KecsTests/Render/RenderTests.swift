// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs
@testable import KecsDoctor
@testable import KecsRuntimes

@Suite struct RenderTests {
    private func text(_ form: Rendering.Form, settings: [String: JSONValue] = [:]) async throws -> String {
        var result = ""
        try await CheckScene.with(runtime: .docker, settings: settings) { scene in
            scene.site.machine.environment["DOCKER_HOST"] = "tcp://x:1"
            try scene.setSetting("dockerHost", "tcp://x:1")
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
            try scene.setSetting("dockerHost", .string("unix://\(socket)"))
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

    /// Names and paths that need quotes somewhere: a blank, a dollar, quotes, a colon, a hash.
    private static let oddFolder: JSONValue = #"/srv/a b/$HOME/it's "x": #1"#

    @Test(arguments: [Rendering.Form.docker, .entrypoint])
    func `scripts pass shellcheck`(form: Rendering.Form) async throws {
        for settings in [[:], ["dataDir": Self.oddFolder, "owner": "1001"]] as [[String: JSONValue]] {
            // SC2016: the dollar of a folder's name is meant to stay one.
            let result = try await ForeignTools.run(
                "shellcheck", ["--exclude=SC2016", "-"], input: try await text(form, settings: settings))
            #expect(result.succeeded, "\(result.outputText)")
        }
    }

    @Test func `docker-compose takes the compose file, and understands what was meant`() async throws {
        for settings in [[:], ["dataDir": Self.oddFolder, "owner": "1001:1002"]] as [[String: JSONValue]] {
            let text = try await text(.compose, settings: settings)
            try await withTemporaryFolder { folder in
                let file = folder.appending("compose.yml")
                try file.replaceContents(Array(text.utf8))
                let result = try await ForeignTools.run(
                    "docker-compose", ["-f", file.string, "-p", "test", "config"])
                #expect(result.succeeded, "\(result.errorText)")
                // What it prints, read by another program: the folder must be the one that was named.
                let sources = try await ForeignTools.python(
                    "-c",
                    "import sys,yaml;d=yaml.safe_load(sys.stdin);print(d['services']['kecs']['volumes'][0]['source'] if isinstance(d['services']['kecs']['volumes'][0],dict) else d['services']['kecs']['volumes'][0].split(':/data')[0])",
                    input: result.outputText)
                #expect(sources.succeeded, "\(sources.errorText)")
                if let folder = settings["dataDir"]?.string {
                    // It doubles a dollar again where it prints one.
                    let source = sources.outputText.split(separator: "$$").joined(separator: "$")
                    #expect(source == folder + "\n")
                }
            }
        }
    }

    @Test(arguments: [Rendering.Form.compose, .kubernetes, .githubActions])
    func `a linter of YAML takes what is rendered`(form: Rendering.Form) async throws {
        // Lines may be long where a command is; everything else as the linter thinks best.
        let rules = "{extends: default, rules: {line-length: disable, document-start: disable}}"
        for settings in [[:], ["dataDir": Self.oddFolder, "owner": "1001"]] as [[String: JSONValue]] {
            let result = try await ForeignTools.python(
                "-m", "yamllint", "--strict", "-d", rules, "-",
                input: try await text(form, settings: settings))
            #expect(result.succeeded, "\(result.outputText)")
        }
    }

    @Test func `the shell in the workflow passes shellcheck, step by step`() async throws {
        let steps = try await ForeignTools.python(
            "-c",
            "import sys,yaml;w=yaml.safe_load(sys.stdin);print('\\0'.join(s['run'] for j in w['jobs'].values() for s in j['steps'] if 'run' in s),end='')",
            input: try await text(.githubActions))
        #expect(steps.succeeded, "\(steps.errorText)")
        let scripts = steps.outputText.split(separator: "\0")
        #expect(scripts.count == 3)
        for script in scripts {
            // GitHub's expressions are put in before the shell sees them. SC2029: meant to be expanded here.
            let result = try await ForeignTools.run(
                "shellcheck", ["--shell=bash", "--exclude=SC2029", "-"], input: String(script))
            #expect(result.succeeded, "\(result.outputText)")
        }
    }

    @Test func `the workflow calls nothing that the guides got wrong`() async throws {
        let text = try await text(.githubActions)
        #expect(text.contains("kecsctl backup dev --quiet"))
        for recipe in Recipes.all {
            #expect(recipe.find(Script(.init(path: "x.yml", text: text))) == [], "\(recipe.id)")
        }
    }
}
