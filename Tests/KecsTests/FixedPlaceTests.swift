// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs

@Suite struct FixedPlaceTests {
    private func config(_ kind: RuntimeKind, _ settings: [String: JSONValue] = [:]) throws -> InstanceConfig {
        var config = InstanceConfig(
            name: try InstanceName(checking: "dev"), id: "id", createdAt: Moment(seconds: 0), runtime: kind)
        config.settings = settings
        return config
    }

    private func check(_ config: InstanceConfig, _ environment: [String: String]) throws {
        for place in FixedPlace.all {
            try place.check(config, InstanceFolder(path: "/h/instances/dev"), environment: environment)
        }
    }

    @Test func `what the environment says is recorded when an instance is made, paths absolute`() throws {
        var config = try config(.docker)
        try config.fixPlace([
            "KECS_DATA_DIR": "/x/../y", "DOCKER_HOST": "tcp://engine:2375", "DOCKER_CONTEXT": "lab",
            "HOME": "/home/u",
            "COMPOSE_FILE": "a.yml",
        ])
        #expect(
            config.settings == [
                "dataDir": "/y", "dockerHost": "tcp://engine:2375", "dockerContext": "lab",
                "dockerConfig": "/home/u/.docker",
            ])
        // What was given as a flag stays, and a local server asks no engine.
        var given = try self.config(.local, ["dataDir": "/z"])
        try given.fixPlace(["KECS_DATA_DIR": "/x", "KECS_CONTAINER_MODE": "1", "DOCKER_HOST": "tcp://e"])
        #expect(given.settings == ["dataDir": "/z", "containerMode": true])
    }

    @Test(arguments: [
        ("KECS_DATA_DIR", "/x", "/h/instances/dev/data"),
        ("KECSCTL_DATA_DIR", "/x", "/h/instances/dev/data"),
        ("KECS_CONTAINER_MODE", "true", "false"),
        ("DOCKER_HOST", "tcp://other:2375", "unix:///var/run/docker.sock"),
        ("DOCKER_CONTEXT", "other", "default"),
    ])
    func `later another value is a wrong call that names both`(
        variable: String, value: String, recorded: String
    )
        throws
    {
        let config = try config(.docker)
        do {
            try check(config, [variable: value, "HOME": "/root"])
            Issue.record("\(variable) was taken")
        } catch let failure as Failure {
            #expect(failure.kind == .usage)
            #expect(
                failure.message.contains(value) && failure.message.contains(recorded), "\(failure.message)")
            #expect(failure.remedy == "env -u \(variable) kecsctl status dev")
        }
        try check(config, [:])
    }

    @Test func `a value that means the same is none that differs`() throws {
        try check(try config(.docker, ["dataDir": "/x"]), ["KECS_DATA_DIR": "/x/"])
        try check(
            try config(.docker), ["DOCKER_HOST": "unix:///var/run/docker.sock", "DOCKER_CONTEXT": "default"])
        try check(
            try config(.compose, ["composeFile": "/p/a.yml,/p/b.yml", "composeProfiles": "x,y"]),
            ["COMPOSE_FILE": "/p/a.yml:/p/b.yml", "COMPOSE_PROFILES": "y,x"])
        #expect(throws: Failure.self) {
            try check(
                try config(.compose, ["composeFile": "/p/a.yml"]), ["COMPOSE_FILE": "/p/a.yml:/p/b.yml"])
        }
        // A server that somebody else made keeps its data where its mounts are.
        try check(try config(.compose, ["dataDir": "/p/data"]), ["KECS_DATA_DIR": "/x"])
        try check(try config(.docker, ["container": "mimir"]), ["KECS_DATA_DIR": "/x"])
    }

    @Test func `a variable that is set later moves no instance, and stores nothing of its own place`()
        async throws
    {
        try await CheckScene.with { scene in
            var other = scene.site
            other.machine.environment["KECS_DATA_DIR"] = "/somewhere/else"
            #expect(throws: Failure.self) { try other.instance(scene.name) }
            // To change it, it must be read all the same.
            let instance = try other.instance(scene.name, checksPlace: false)
            #expect(try instance.dataFolder() == scene.folder.data)
        }
    }
}
