// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsRuntimes
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// The suite of `RuntimeConformance` on a real engine.
extension OnDocker {
    @Suite struct RuntimeConformanceTests {
        private func conformance(
            _ scene: DockerScene, _ runtime: @escaping @Sendable (Instance, Machine) throws -> any Runtime
        ) throws -> RuntimeConformance {
            let environment = [
                "DOCKER_HOST": Engine.host, "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": "/root",
            ]
            let machine = Machine(
                environment: environment,
                processes: SystemProcesses(environment: environment, cancellation: Cancellation()))
            let site = Site(
                machine: machine, home: Home(scene.kecsctl.home),
                tool: .init(name: "kecsctl", version: "test")
            ) { try runtime($0, machine) }
            let name = try InstanceName(checking: "dev")
            return RuntimeConformance { try site.runtime(try site.instance(name)) }
        }

        @Test func `a container`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:plain"] + scene.ports)
                try await conformance(scene) { try DockerRuntime($0, machine: $1) }.check()
            }
        }

        @Test func `a service of a compose project`() async throws {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                let folder = scene.root.appending("project")
                try folder.createFolder()
                let file = folder.appending("docker-compose.yml")
                try file.replaceContents(
                    Array(
                        """
                        services:
                          app:
                            image: kecs-test:plain
                            ports: ["127.0.0.1:\(scene.api):8080", "127.0.0.1:\(scene.admin):8081"]
                            volumes: ["state:/data", "./files:/files"]
                        volumes:
                          state: {}

                        """.utf8))
                try folder.appending("files").createFolder()
                try await scene.must([
                    "start", "dev", "--runtime", "compose", "--compose-file", file.string, "--service", "app",
                ])
                try await conformance(scene) { try ComposeRuntime($0, machine: $1) }.check()
            }
        }
    }
}
