// SPDX-License-Identifier: Apache-2.0
@testable import Kecs
import KecsSystem
import SystemPackage
import Testing

@testable import KecsRuntimes

@Suite struct DockerSpecTests {
    private func instance(_ settings: [SettingKey: JSONValue]) throws -> Instance {
        let name = try #require(InstanceName("dev"))
        var config = InstanceConfig(name: name, id: "the-id", createdAt: Moment(seconds: 0), runtime: .docker)
        for (key, value) in settings { config.settings[key.rawValue] = value }
        let home = Home("/home/user/.kecs")
        return Instance(
            name: name, folder: home.folder(of: name), config: config,
            settings: Settings(environment: [:], instance: (config.settings, home.folder(of: name).config)),
            backups: home.backupStore(of: name))
    }

    @Test func `the container of the container-mode guide`() throws {
        let instance = try instance([
            .apiPort: 8080, .adminPort: 8081, .volumes: "repos_data:/repos,/srv/a,b:/b",
        ])
        #expect(throws: Failure.self) { try DockerSpec(instance) }
        let plain = try self.instance([.apiPort: 8080, .adminPort: 8081, .volumes: "repos_data:/repos"])
        let words = try DockerSpec(plain).arguments(for: plain, socket: ("/run/docker.sock", 998))
        let digest = try #require(words.first { $0.hasPrefix("dev.kecsctl.spec=") })
        #expect(
            words == [
                "--name", "kecs-dev", "--label", "dev.kecsctl.instance=dev", "--label",
                "dev.kecsctl.id=the-id",
                "--label", digest, "--restart", "unless-stopped", "--publish", "127.0.0.1:8080:8080",
                "--publish",
                "127.0.0.1:8081:8081", "--env", "KECS_CONTAINER_MODE=true", "--env", "KECS_DATA_DIR=/data",
                "--mount",
                "type=bind,source=/home/user/.kecs/instances/dev/data,target=/data", "--mount",
                "type=volume,source=repos_data,target=/repos", "--mount",
                "type=bind,source=/run/docker.sock,target=/var/run/docker.sock", "--group-add", "998",
                "ghcr.io/nandemo-ya/kecs:latest",
            ])
    }

    @Test func `another setting makes another digest`() throws {
        func digest(_ settings: [SettingKey: JSONValue]) throws -> String? {
            let instance = try instance(settings)
            return try DockerSpec(instance).arguments(for: instance, socket: nil).first {
                $0.hasPrefix("dev.kecsctl.spec=")
            }
        }
        #expect(try digest([.apiPort: 8080]) == digest([.apiPort: 8080]))
        #expect(try digest([.apiPort: 8080]) != digest([.apiPort: 8090]))
        #expect(try digest([:]) != digest([.image: "other:1"]))
    }

    @Test func `a path with a comma or a quote stays one path`() {
        #expect(VolumeMount.bind("/a,b", "/c") == "type=bind,\"source=/a,b\",target=/c")
        #expect(VolumeMount.bind("/a\"b", "/c") == "type=bind,\"source=/a\"\"b\",target=/c")
    }

    @Test(arguments: ["", "x", "-x:y", "65532:", ":1", "1:2:3", "-1", "4294967296"])
    func `what is no owner is refused`(_ text: String) {
        #expect(throws: Failure.self) { try DockerOwner(text) }
    }

    @Test(arguments: ["repos", "repos:rel", "./repos:/r", ":/r", "a b:/r", "repos:/data", "repos:/", "r:/r"])
    func `what cannot be mounted is refused`(_ text: String) {
        #expect(throws: Failure.self) { try VolumeMount(text) }
    }

    @Test func `settings that no container can be made of are refused`() throws {
        for settings: [SettingKey: JSONValue] in [
            [.dataDir: "relative"], [.apiPort: 80, .adminPort: 80], [.image: "--privileged"],
            [.container: "x"],
            [.owner: "root"],
        ] {
            let instance = try instance(settings)
            #expect(throws: Failure.self) { try DockerSpec(instance) }
        }
    }
}
