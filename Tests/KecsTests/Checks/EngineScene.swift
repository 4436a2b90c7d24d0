// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsDoctor
import KecsSystem
import SystemPackage
import Testing

@testable import KecsRuntimes

/// What a docker that is well says of the instance `dev`, for tests to spoil.
extension EngineFacts {
    static func well(_ containers: [ContainerFacts] = []) -> EngineFacts {
        EngineFacts(
            socket: SocketFacts(path: "/var/run/docker.sock", condition: .ok, group: 998),
            server: .known("28.2.2"), compose: .known("2.36.0"), k3d: .known("v5.9.0"),
            kubectl: .known("v1.32.0"), containers: .known(containers), volumes: .known([]),
            networks: .known([]), images: .known([]))
    }

    /// Changes its only container.
    mutating func change(_ body: (inout ContainerFacts) -> Void) throws {
        var all = try containers.get()
        try #require(all.count == 1)
        body(&all[0])
        containers = .known(all)
    }
}

extension ContainerFacts {
    static func running(
        _ name: String = "kecs-dev", _ change: (inout ContainerFacts) -> Void = { _ in }
    ) throws -> ContainerFacts {
        var facts = try #require(ContainerFacts(["Name": .string("/" + name)]))
        facts.labels = ["dev.kecsctl.id": "id-of-dev"]
        facts.status = "running"
        facts.restartPolicy = "unless-stopped"
        facts.mounts = [
            .init(kind: "volume", name: "dev-data", source: "", destination: "/data", isWritable: true)
        ]
        change(&facts)
        return facts
    }

    /// Of the instance's cluster.
    static func node(
        _ role: String = "server", _ change: (inout ContainerFacts) -> Void = { _ in }
    ) throws -> ContainerFacts {
        try running("k3d-kecs-dev-\(role)") {
            $0.labels = [
                "app": "k3d", "k3d.cluster": "kecs-dev", "k3d.role": role, "kecsctl.instance": "id-of-dev",
            ]
            change(&$0)
        }
    }
}
