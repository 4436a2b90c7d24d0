// SPDX-License-Identifier: Apache-2.0
import Glibc
import Kecs
import KecsDoctor
import KecsSystem
import SystemPackage

/// The containers, images and volumes of an instance.
enum ContainerChecks {
    static func all(_ engine: EngineFacts) -> [any Check] {
        running(engine) + mounts(engine) + storage(engine)
    }

    /// Whether containers run, and would again.
    private static func running(_ engine: EngineFacts) -> [any Check] {
        [
            ContainerCheck(
                "container.restart-policy", .warning, "containers come back after a reboot",
                of: [.docker, .compose]
            ) { facts, _ in
                try engine.containers(of: facts).filter {
                    $0.restartPolicy == "no" || $0.restartPolicy.isEmpty
                }.map {
                    Finding(
                        .warning,
                        "the container \($0.name) of “\(facts.name)” stays down after a reboot: it has no restart policy",
                        ["policy": .string($0.restartPolicy)],
                        remedy: "docker update --restart unless-stopped \($0.name)")
                }
            },
            ContainerCheck("container.restarting", .error, "no container restarts again and again") {
                facts, _ in
                try engine.containers(of: facts).filter { $0.status == "restarting" || $0.restarts > 3 }.map {
                    Finding(
                        .error,
                        "the container \($0.name) of “\(facts.name)” was restarted \($0.restarts) times",
                        ["restarts": .integer($0.restarts), "status": .string($0.status)],
                        remedy: "docker logs --tail 50 \($0.name)")
                }
            },
            ContainerCheck("container.health", .error, "no container says that it is unhealthy") { facts, _ in
                try engine.containers(of: facts).filter { $0.health == "unhealthy" }.map {
                    Finding(
                        .error, "the container \($0.name) of “\(facts.name)” is unhealthy",
                        remedy: "docker inspect --format '{{json .State.Health}}' \($0.name)")
                }
            },
            ContainerCheck("container.out-of-memory", .error, "no container was killed for want of memory") {
                facts, _ in
                try engine.containers(of: facts).filter(\.wasOutOfMemory).map {
                    Finding(
                        .error, "the container \($0.name) of “\(facts.name)” was killed for want of memory",
                        remedy: "docker stats --no-stream \($0.name)")
                }
            },
        ]
    }

    /// Where containers write, and as whom.
    private static func mounts(_ engine: EngineFacts) -> [any Check] {
        [
            ContainerCheck(
                "container.no-mount", .error, "the container's data lies outside of it",
                of: [.docker, .compose]
            ) { facts, _ in
                try engine.containers(of: facts).filter { container in
                    !container.mounts.contains { $0.isWritable && !$0.destination.hasSuffix("docker.sock") }
                }.map {
                    Finding(
                        .error,
                        "the container \($0.name) of “\(facts.name)” has no mount: what it writes goes with it",
                        remedy: "kecsctl render compose \(facts.name)")
                }
            },
            ContainerCheck(
                "container.mount-mismatch", .error, "containers see the current folders"
            ) { facts, _ in
                try engine.containers(of: facts).filter { $0.status == "running" && $0.pid > 0 }.flatMap {
                    container in
                    try container.mounts.filter { $0.kind == "bind" }.compactMap { mount -> Finding? in
                        let inside = try identity("/proc/\(container.pid)/root\(mount.destination)")
                        let outside = try identity(mount.source)
                        guard let inside, outside != inside else { return nil }
                        return Finding(
                            .error,
                            "the container \(container.name) sees another \(mount.destination) than \(mount.source) is now: it "
                                + "was replaced after the start",
                            ["source": .string(mount.source), "destination": .string(mount.destination)],
                            remedy: "kecsctl restart \(facts.name)")
                    }
                }
            },
            ContainerCheck(
                "container.anonymous-volume", .warning, "no data is an anonymous volume",
                of: [.docker, .compose]
            ) { facts, _ in
                try engine.containers(of: facts).flatMap { container in
                    container.mounts.filter(\.isAnonymous).map { mount in
                        Finding(
                            .warning,
                            "\(mount.destination) of the container \(container.name) is an anonymous volume, which is "
                                + "lost when the container is recreated",
                            ["volume": .string(mount.name), "destination": .string(mount.destination)],
                            remedy: "docker inspect --format '{{json .Mounts}}' \(container.name)")
                    }
                }
            },
            ContainerCheck(
                "container.user", .error, "the data belongs to the user that the container runs as",
                of: [.docker, .compose]
            ) { facts, _ in
                guard let data = facts.data.value else { return [] }
                return try engine.containers(of: facts).compactMap { container in
                    guard let user = UInt32(container.user.prefix { $0 != ":" }), user != 0,
                        let mount = container.mounts.first(where: {
                            $0.kind == "bind" && FilePath($0.source) == data
                        }),
                        let status = try FileStatus.of(FilePath(mount.source)), status.owner != user
                    else { return nil }
                    return Finding(
                        .error,
                        "the container \(container.name) runs as the user \(user), and \(mount.source) belongs to "
                            + "\(status.owner):\(status.group)",
                        [
                            "user": .string(container.user),
                            "owner": .string("\(status.owner):\(status.group)"),
                        ],
                        remedy: "sudo chown -R \(container.user) \(mount.source)")
                }
            },
            ContainerCheck(
                "docker.sock.group", .warning, "containers that are given docker's socket may use it",
                of: [.docker, .compose]
            ) { facts, _ in
                guard let socket = engine.socket, socket.condition != .missing else { return [] }
                return try engine.containers(of: facts).compactMap { container in
                    guard container.mounts.contains(where: { $0.destination.hasSuffix("/docker.sock") }),
                        let user = UInt32(container.user.prefix { $0 != ":" }), user != 0,
                        container.user.split(separator: ":").dropFirst().first.flatMap({ UInt32($0) })
                            != socket.group,
                        !container.extraGroups.contains("\(socket.group)"),
                        !container.extraGroups.contains(socket.groupName)
                    else { return nil }
                    return Finding(
                        .warning,
                        "the container \(container.name) is given docker's socket, and its user \(container.user) is not in "
                            + "the socket's group \(socket.group)",
                        ["group": .integer(Int64(socket.group))],
                        remedy: "kecsctl render compose \(facts.name)")
                }
            },
        ]
    }

    /// Volumes and images.
    private static func storage(_ engine: EngineFacts) -> [any Check] {
        [
            ContainerCheck(
                "volume.unattached", .warning, "every volume of the instance is attached to a container",
                of: [.docker, .compose]
            ) { facts, _ in
                let attached = Set(
                    try engine.containers.get().flatMap(\.mounts).filter { $0.kind == "volume" }.map(\.name))
                return try volumes(of: facts, engine).filter { !attached.contains($0) }.map {
                    Finding(
                        .warning,
                        "the volume \($0) of “\(facts.name)” is attached to no container: “docker volume prune” would delete it",
                        ["volume": .string($0)], remedy: "kecsctl backup \(facts.name)")
                }
            },
            ContainerCheck(
                "volume.missing", .error, "every volume of the instance exists",
                of: [.docker, .compose]
            ) { facts, _ in
                let there = Set(try engine.volumes.get().map(\.name))
                // Before the first start there can be none.
                guard try !engine.containers(of: facts).isEmpty else { return [] }
                return named(facts).filter { !there.contains($0) }.map {
                    Finding(
                        .error, "the volume \($0) of “\(facts.name)” is not there", ["volume": .string($0)],
                        remedy: "kecsctl restore \(facts.name) --from latest")
                }
            },
            ContainerCheck(
                "image.missing", .warning, "the instance's image is on this machine", of: [.docker, .compose]
            ) { facts, _ in
                guard let image = facts.instance.config.settings["image"]?.string, !image.contains("@") else {
                    return []
                }
                let images = try engine.images.get()
                let full = EngineFacts.fullName(ofImage: image)
                guard !images.contains(full), !images.contains("docker.io/" + full) else { return [] }
                return [
                    Finding(
                        .warning,
                        "the image \(image) of “\(facts.name)” is not here: a start needs the network",
                        ["image": .string(image)], remedy: "docker pull \(image)")
                ]
            },
            ContainerCheck(
                "image.unpinned", .info, "the instance's image has a version", of: [.docker, .compose]
            ) { facts, _ in
                guard let image = facts.instance.config.settings["image"]?.string else { return [] }
                let name = image.split(separator: "/").last ?? ""
                guard !image.contains("@"), !name.contains(":") || name.hasSuffix(":latest") else {
                    return []
                }
                return [
                    Finding(
                        .info, "the image \(image) of “\(facts.name)” is another one with each pull",
                        ["image": .string(image)],
                        remedy: "docker image inspect --format '{{index .RepoDigests 0}}' \(image)")
                ]
            },
        ]
    }

    /// Device and inode; nil when there is nothing.
    private static func identity(_ path: String) throws -> [UInt64]? {
        var raw = Glibc.stat()
        guard stat(path, &raw) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            let why = String(cString: strerror(errno))
            throw CannotTell(
                "\(path) cannot be examined (\(why)); only root may inspect containers of other users")
        }
        return [UInt64(raw.st_dev), UInt64(raw.st_ino)]
    }

    /// Returns the names in the setting `volumes`: "NAME:PATH", one or several with commas.
    private static func named(_ facts: InstanceFacts) -> [String] {
        let value = facts.instance.config.settings["volumes"]
        let texts =
            value?.array?.compactMap(\.string) ?? value?.string?.split(separator: ",").map(String.init) ?? []
        return texts.compactMap { $0.split(separator: ":").first.map(String.init) }
            .filter { !$0.hasPrefix("/") && !$0.hasPrefix(".") }
    }

    private static func volumes(of facts: InstanceFacts, _ engine: EngineFacts) throws -> [String] {
        let there = try engine.volumes.get()
        let labelled = there.filter { $0.labels["dev.kecsctl.instance"] == facts.name.description }.map(
            \.name)
        let names = Set(named(facts) + labelled)
        return there.map(\.name).filter(names.contains)
    }
}
