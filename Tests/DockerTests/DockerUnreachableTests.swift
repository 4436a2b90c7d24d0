// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

extension OnDocker {
    /// Nobody knows what runs: nothing is created, nothing is deleted, and it is said what stands in the way.
    @Suite struct DockerUnreachableTests {
        private func expectUnreachable(
            _ kecsctl: Kecsctl, _ scene: DockerScene, naming words: String
        ) async throws {
            for arguments in [
                ["start", "dev"], ["stop", "dev"], ["backup", "dev"], ["restore", "dev", "--from", "latest"],
                ["start", "new", "--runtime", "docker", "--image", "kecs-test:plain"],
                ["destroy", "dev", "--yes"],
            ] {
                let answer = try await kecsctl.run(arguments)
                #expect(answer.status == 14, "\(arguments): \(answer.errors)")
                #expect(answer.errors.contains(words), "\(arguments): \(answer.errors)")
            }
            let list = try await kecsctl("list", "-o", "json")
            #expect(list.status == 0)
            #expect(try list.first()["state"]?.string == "unknown")
            #expect(try scene.root.appending("home/instances").entries().map(\.string) == ["dev"])
        }

        /// Says which engine the instance is on, as its user would.
        private func move(_ scene: DockerScene, to host: String) async throws {
            try await scene.must(["config", "set", "dockerHost", host, "--instance", "dev"])
        }

        @Test func `an engine that is down, a socket that is missing or closed, no docker at all`()
            async throws
        {
            try await DockerScene.with { scene in
                try await Engine.build("kecs-test:plain")
                try await scene.must(
                    ["start", "dev", "--runtime", "docker", "--image", "kecs-test:plain"] + scene.ports)
                try await scene.must(["backup", "dev"])
                let inventory = try await Engine.inventory()

                try await Engine.order("kill")
                try await expectUnreachable(scene.kecsctl, scene, naming: "does not answer")
                try await Engine.order("start")
                #expect(try await scene.state() == "running")

                var kecsctl = scene.kecsctl
                kecsctl.environment["DOCKER_HOST"] = "unix:///nonexistent/docker.sock"
                try await move(scene, to: "unix:///nonexistent/docker.sock")
                try await expectUnreachable(
                    kecsctl, scene, naming: "there is no docker socket /nonexistent/docker.sock")

                kecsctl.environment["DOCKER_HOST"] = "unix:///etc/hostname"
                try await move(scene, to: "unix:///etc/hostname")
                try await expectUnreachable(kecsctl, scene, naming: "/etc/hostname is not a socket")

                try await move(scene, to: Engine.host)
                kecsctl = scene.kecsctl
                kecsctl.environment["PATH"] = "/nonexistent"
                try await expectUnreachable(kecsctl, scene, naming: "docker is missing")

                #expect(try await scene.state() == "running")
                #expect(try await Engine.inventory() == inventory)
            }
        }

        @Test func `a socket that this user may not use is named with its owner`() async throws {
            try await DockerScene.with { scene in
                try #require(Engine.folder).setMode(0o711)
                try scene.root.setMode(0o777)
                var call = ProcessCall(
                    "setpriv", "--reuid", "4000", "--regid", "4000", "--clear-groups", Kecsctl.program.string,
                    "start",
                    "dev", "--runtime", "docker")
                call.environment = scene.kecsctl.variables.mapValues { $0 }
                call.environment["HOME"] = scene.root.string
                let result = try await SystemProcesses(environment: [:], cancellation: Cancellation()).run(
                    call)
                #expect(result.end == .exited(14), "\(result.errorText)")
                #expect(result.errorText.contains("may not be used by this user"))
                #expect(try !scene.root.appending("home/instances/dev").isPresent)
            }
        }
    }
}
