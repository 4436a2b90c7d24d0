// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage
import Testing

/// The two composes that people have: Python's `docker-compose`, and docker's plugin.
enum ComposeVersion: String, CaseIterable, Sendable {
    case one = "compose 1"
    case two = "compose 2"

    static let here: [ComposeVersion] = allCases.filter(\.isThere)

    /// The one that kecsctl finds by itself.
    static let onThePath: ComposeVersion = one.isThere ? .one : .two

    /// What scripts/compose-v2 prints; nil when it could not be had.
    private static let plugin: String? = {
        let root = FilePath(#filePath).removingLastComponent().removingLastComponent()
            .removingLastComponent()
        guard let output = popen("'\(root.appending("scripts/compose-v2").string)' 2>/dev/null", "r") else {
            return nil
        }
        var line = [CChar](repeating: 0, count: 4096)
        let isRead = fgets(&line, 4096, output) != nil
        guard pclose(output) == 0, isRead else { return nil }
        return String(
            decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()

    var isThere: Bool {
        switch self {
        // With the plugin in place of its own, kecsctl would not use compose 1.
        case .one:
            system(
                "docker-compose version --short 2>/dev/null | grep -q '^1\\.' && ! docker compose version >/dev/null 2>&1"
            ) == 0
        case .two: Self.plugin != nil
        }
    }

    /// What kecsctl and docker find it by.
    var variables: [String: String] { self == .two ? ["DOCKER_CONFIG": Self.plugin ?? ""] : [:] }

    func call(_ words: [String], in folder: FilePath) -> ProcessCall {
        var call =
            self == .two ? ProcessCall("docker", ["compose"] + words) : ProcessCall("docker-compose", words)
        call.environment = variables.mapValues { $0 }
        call.folder = folder
        call.limit = .seconds(180)
        return call
    }

    /// As compose names the containers of a project.
    func container(_ project: String, _ service: String, _ number: Int = 1) -> String {
        let mark = self == .two ? "-" : "_"
        return [project, service, "\(number)"].joined(separator: mark)
    }
}

extension Engine {
    /// An image of the guides' shape.
    static func buildApp(_ tag: String, version: String = "1", changes: [String] = []) async throws {
        let here = FilePath(#filePath).removingLastComponent().removingLastComponent()
        var call = ProcessCall(here.appending("Fixtures/docker/build-app").string, tag, version)
        call.environment = ["IMAGE_CHANGES": changes.joined(separator: "\n")]
        try await run(call)
    }

    static func dangling() async throws -> [String] {
        try await docker("volume", "ls", "--quiet", "--filter", "dangling=true").split(separator: "\n")
            .map(String.init)
    }
}

/// A folder with a compose file, and the compose that runs it.
struct ComposeScene: Sendable {
    let docker: DockerScene
    let version: ComposeVersion
    /// The project is called after it: pcg.
    let folder: FilePath

    static func with(
        _ version: ComposeVersion, _ file: String, _ body: (ComposeScene) async throws -> Void
    ) async throws {
        try await DockerScene.with { scene in
            var scene = scene
            scene.kecsctl.environment.merge(version.variables) { _, new in new }
            let folder = scene.root.appending("pcg")
            try folder.createFolder()
            let compose = ComposeScene(docker: scene, version: version, folder: folder)
            try compose.write("docker-compose.yml", file)
            do {
                try await body(compose)
            } catch {
                try? await compose.clean()
                throw error
            }
            try await compose.clean()
        }
    }

    private func clean() async throws {
        for name in try await Engine.docker("ps", "-aq").split(separator: "\n") {
            try await Engine.docker("rm", "-f", String(name))
        }
        try await Engine.docker("network", "prune", "--force")
    }

    func write(_ name: String, _ text: String) throws {
        try folder.appending(name).replaceContents(Array(text.utf8))
    }

    @discardableResult
    func compose(_ words: String..., variables: [String: String] = [:]) async throws -> String {
        var call = version.call(words, in: folder)
        call.environment.merge(variables.mapValues { $0 }) { _, new in new }
        return try await Engine.run(call)
    }

    var file: FilePath { folder.appending("docker-compose.yml") }

    /// Names and states, sorted: "pcg-app-1 running".
    func containers() async throws -> [String] {
        try await Engine.docker("ps", "--all", "--format", "{{.Names}} {{.State}}").split(separator: "\n")
            .map(String.init).sorted()
    }

    func ids() async throws -> Set<String> {
        Set(
            try await Engine.docker("ps", "--all", "--quiet", "--no-trunc").split(separator: "\n").map(
                String.init))
    }
}
