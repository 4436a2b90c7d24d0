// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsDoctor
import KecsSystem
import SystemPackage

/// Clusters that k3d made.
enum ClusterChecks {
    static func all(_ engine: EngineFacts) -> [any Check] {
        leftovers(engine) + wholeness(engine) + connections(engine)
    }

    /// What is left of clusters that are gone.
    private static func leftovers(_ engine: EngineFacts) -> [any Check] {
        [
            EngineCheck("cluster.orphan", .warning, "every cluster of KECS belongs to an instance") { look in
                guard look.needs(.k3d) || engine.containers.value != nil else { return [] }
                guard let containers = engine.containers.value else {
                    throw CannotTell("docker does not answer")
                }
                let instances = try look.site.instanceNames()
                let names = Set(instances.map { "kecs-\($0)" })
                // A broken instance has no readable id. It is reported elsewhere.
                let ids = Set(instances.compactMap { try? look.site.instance($0).config.id })
                let owned = containers.filter {
                    $0.labels[K3dCreate.ownerLabel].map(ids.contains) == true
                }
                let clusters = Set(owned.compactMap { $0.labels["k3d.cluster"] }).union(names)
                return Set(containers.compactMap { $0.labels["k3d.cluster"] }).sorted()
                    .filter { $0.hasPrefix("kecs-") && !clusters.contains($0) }.map {
                        Finding(
                            .warning, "the cluster \($0) belongs to no instance of \(look.site.home.path)",
                            ["cluster": .string($0)], remedy: "k3d cluster list \($0)")
                    }
            },
            EngineCheck("cluster.network-leaked", .warning, "no network of a cluster that is gone is left") {
                look in
                guard let networks = engine.networks.value, let containers = engine.containers.value else {
                    return []
                }
                let used = Set(containers.flatMap { $0.addresses.keys })
                return networks.filter {
                    $0.name.hasPrefix("k3d-kecs-") && $0.labels["app"] == "k3d" && !used.contains($0.name)
                        && !containers.contains { [name = $0.name] in
                            "k3d-" + ($0.labels["k3d.cluster"] ?? "") == name
                        }
                }.map {
                    Finding(
                        .warning, "the network \($0.name) is left of a cluster that is gone",
                        ["network": .string($0.name)],
                        remedy: "docker network rm \($0.name)")
                }
            },
            EngineCheck(
                "cluster.volume-leaked", .warning, "no image volume of a cluster that is gone is left"
            ) { look in
                guard let volumes = engine.volumes.value, let containers = engine.containers.value else {
                    return []
                }
                let clusters = Set(containers.compactMap { $0.labels["k3d.cluster"] })
                return volumes.filter { volume in
                    guard volume.labels["app"] == "k3d", let cluster = volume.labels["k3d.cluster"] else {
                        return false
                    }
                    return cluster.hasPrefix("kecs-") && !clusters.contains(cluster)
                }.map {
                    Finding(
                        .warning, "the volume \($0.name) is left of a cluster that is gone",
                        ["volume": .string($0.name)],
                        remedy: "docker volume rm \($0.name)")
                }
            },
        ]
    }

    /// Whether an instance's cluster is there as a whole.
    private static func wholeness(_ engine: EngineFacts) -> [any Check] {
        [
            ContainerCheck(
                "cluster.missing", .error, "the cluster of a started instance exists", of: [.k3d]
            ) { facts, _ in
                let containers = try engine.containers(of: facts)
                guard containers.isEmpty, shouldRun(facts) else { return [] }
                return [
                    Finding(
                        .error, "“\(facts.name)” was started, and its cluster kecs-\(facts.name) is gone",
                        remedy: "kecsctl start \(facts.name)")
                ]
            },
            ContainerCheck(
                "cluster.state-unkept", .info, "what stands in the cluster is in backups", of: [.k3d]
            ) { facts, _ in
                let settings = facts.instance.settings
                guard try !settings.flag(.k3sState), try !settings.flag(.veleroBackup),
                    try settings.number(.agents) ?? 0 == 0
                else { return [] }
                return [
                    Finding(
                        .info,
                        "objects in the cluster of “\(facts.name)” other than KECS' own state are in no backup and "
                            + "are lost with its node",
                        remedy: "kecsctl config set k3sState true --instance \(facts.name)")
                ]
            },
            ContainerCheck("cluster.half-made", .error, "the cluster was made to its end", of: [.k3d]) {
                facts, _ in
                let nodes = try engine.containers(of: facts).filter { $0.labels["k3d.role"] != nil }
                guard !nodes.isEmpty else { return [] }
                let created = nodes.filter { $0.status == "created" }
                let hasServer = nodes.contains { $0.labels["k3d.role"] == "server" }
                guard !created.isEmpty || !hasServer else { return [] }
                return [
                    Finding(
                        .error,
                        created.first.map {
                            "the cluster of “\(facts.name)” is half-made: \($0.name) was never started"
                        }
                            ?? "the cluster of “\(facts.name)” has no server",
                        ["cluster": .string("kecs-\(facts.name)")], remedy: "kecsctl restart \(facts.name)")
                ]
            },
            ContainerCheck("cluster.mixed", .error, "all nodes of the cluster run, or none", of: [.k3d]) {
                facts, _ in
                let nodes = try engine.containers(of: facts).filter {
                    $0.labels["k3d.role"] != nil && $0.status != "created"
                }
                let silent = nodes.filter { $0.status != "running" }
                guard !silent.isEmpty, silent.count < nodes.count else { return [] }
                return [
                    Finding(
                        .error,
                        "only some nodes of the cluster of “\(facts.name)” run; these do not: "
                            + silent.map { "\($0.name) (\($0.status))" }.joined(separator: ", "),
                        remedy: "kecsctl restart \(facts.name)")
                ]
            },
        ]
    }

    /// How the cluster is reached, and what it reaches.
    private static func connections(_ engine: EngineFacts) -> [any Check] {
        [
            ContainerCheck(
                "cluster.api-exposed", .warning, "the cluster's API listens on this machine only", of: [.k3d]
            ) { facts, _ in
                try engine.containers(of: facts).flatMap { container in
                    container.published.filter {
                        $0.key.hasPrefix("6443/") && $0.value.contains { $0 == "0.0.0.0" || $0 == "::" }
                    }
                    .keys.map { _ in
                        Finding(
                            .warning,
                            "the API of the cluster of “\(facts.name)” can be reached from other machines",
                            ["container": .string(container.name)],
                            remedy: "docker port \(container.name)")
                    }
                }
            },
            ContainerCheck(
                "minio.hostpath-unmapped", .error, "the object store's folder is bound into the cluster",
                of: [.k3d]
            ) { facts, _ in
                guard let server = try engine.server(of: facts),
                    try facts.instance.folder.objectStore.isPresent
                else { return [] }
                let folder = facts.instance.folder.objectStore
                guard
                    !server.mounts.contains(where: {
                        $0.kind == "bind" && folder.starts(with: FilePath($0.source))
                    })
                else {
                    return []
                }
                return [
                    Finding(
                        .error,
                        "\(folder) is not bound into \(server.name): what the object store of “\(facts.name)” writes goes with "
                            + "the cluster",
                        ["path": .string(folder.string)], remedy: "kecsctl restart \(facts.name)")
                ]
            },
            ContainerCheck(
                "cluster.node-ip", .warning, "the node has the address that it was made with", of: [.k3d]
            ) { facts, _ in
                guard let server = try engine.server(of: facts), server.status == "running",
                    let recorded = server.labels["k3d.node.staticIP"], !recorded.isEmpty,
                    let now = server.addresses["k3d-kecs-\(facts.name)"] ?? server.addresses.values.first,
                    !now.isEmpty,
                    now != recorded
                else { return [] }
                return [
                    Finding(
                        .warning,
                        "\(server.name) has the address \(now) and was made with \(recorded): k3s does not start with another one",
                        ["recorded": .string(recorded), "now": .string(now)],
                        remedy: "kecsctl restart \(facts.name)")
                ]
            },
        ]
    }

    /// Returns true when it should run, by the last command that decided it.
    static func shouldRun(_ facts: InstanceFacts) -> Bool {
        let decisive = facts.history.last { record in
            ["start", "restart", "stop", "destroy"].contains(record.command)
                && record.succeeded(for: facts.name) == true
        }
        return decisive?.command == "start" || decisive?.command == "restart"
    }
}
