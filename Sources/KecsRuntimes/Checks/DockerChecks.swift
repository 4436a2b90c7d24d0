// SPDX-License-Identifier: Apache-2.0
import KecsDoctor
import SystemPackage
import Glibc
import Kecs
import KecsSystem

/// The programs and the engine.
enum DockerChecks {
    static func all(_ engine: EngineFacts) -> [any Check] {
        [
            EngineCheck("docker.cli", .error, "docker is on PATH") { look in
                guard engine.docker.value == false, look.needs(.docker, .compose, .k3d) else { return [] }
                return [
                    Finding(
                        .error, "instances run in containers, and “docker” is not on PATH",
                        remedy: "command -v docker")
                ]
            },
            socket(engine, "docker.sock.missing", .missing, "docker's socket is there") { socket in
                "there is no socket \(socket.path): the engine is not running, or it listens elsewhere"
            },
            socket(engine, "docker.sock.not-socket", .notSocket, "docker's socket is a socket") { socket in
                "\(socket.path) is no socket: docker makes a folder of that name when it binds a path that is not there"
            },
            socket(engine, "docker.sock.denied", .denied, "docker's socket may be used by this user") {
                socket in
                "this user may not use \(socket.path): it belongs to \(socket.owner):\(socket.group), mode "
                    + "\(String(socket.mode, radix: 8)), so to the group “\(socket.groupName)”"
            },
            EngineCheck("docker.engine", .error, "docker's engine answers") { look in
                guard engine.docker.value == true, case .unknown(let why) = engine.server else { return [] }
                return [
                    Finding(
                        look.needs(.docker, .compose, .k3d) ? .error : .info,
                        "docker's engine does not answer: \(why)",
                        remedy: look.needs(.docker, .compose, .k3d) ? "sudo systemctl start docker" : nil)
                ]
            },
            EngineCheck("docker.version", .warning, "docker's engine is 20.10 or newer") { look in
                guard look.needs(.docker, .compose, .k3d), let version = engine.server.value else {
                    return []
                }
                guard versionNumbers(version).lexicographicallyPrecedes([20, 10]) else { return [] }
                return [
                    Finding(
                        .warning,
                        "docker's engine has the version \(version); kecsctl is tested from 20.10 on",
                        ["version": .string(version)], remedy: "docker version")
                ]
            },
            program(
                engine.compose, "docker.compose", "docker compose is there", [.compose],
                "docker compose version"),
            program(engine.k3d, "k3d.cli", "k3d is on PATH", [.k3d], "command -v k3d"),
            program(engine.kubectl, "kubectl.cli", "kubectl is on PATH", [.k3d], "command -v kubectl"),
            EngineCheck("k3d.version", .warning, "k3d is version 5") { look in
                guard look.needs(.k3d), let version = engine.k3d.value, versionNumbers(version).first != 5
                else {
                    return []
                }
                return [
                    Finding(
                        .warning, "k3d has the version \(version); kecsctl knows what version 5 prints",
                        ["version": .string(version)], remedy: "k3d version")
                ]
            },
            ContainerCheck(
                "kubectl.skew", .warning, "kubectl is at most one minor version off the cluster's", of: [.k3d]
            ) { facts, _ in
                guard let client = engine.kubectl.value.map(versionNumbers), client.count > 1,
                    let image = try engine.server(of: facts)?.image,
                    let tag = image.split(separator: ":").last, case let server = versionNumbers(String(tag)),
                    server.count > 1, client[0] == server[0], abs(client[1] - server[1]) > 1
                else { return [] }
                return [
                    Finding(
                        .warning,
                        "kubectl is \(client[0]).\(client[1]) and the cluster of “\(facts.name)” \(server[0]).\(server[1]): one "
                            + "minor version apart is supported",
                        ["client": .string(engine.kubectl.value ?? ""), "image": .string(image)],
                        remedy: "kubectl version --client")
                ]
            },
        ]
    }

    private static func socket(
        _ engine: EngineFacts, _ id: String, _ condition: SocketFacts.Condition, _ claim: String,
        _ message: @escaping @Sendable (SocketFacts) -> String
    ) -> EngineCheck {
        EngineCheck(id, .error, claim) { look in
            guard let socket = engine.socket, socket.condition == condition else { return [] }
            var groups = [gid_t](repeating: 0, count: 256)
            let count = getgroups(256, &groups)
            let mine = groups.prefix(max(0, Int(count))).map { String($0) }.joined(separator: " ")
            return [
                Finding(
                    look.needs(.docker, .compose, .k3d) ? .error : .info, message(socket),
                    [
                        "path": .string(socket.path.string), "owner": .integer(Int64(socket.owner)),
                        "group": .integer(Int64(socket.group)), "groupName": .string(socket.groupName),
                        "mode": .string(String(socket.mode, radix: 8)), "callersGroups": .string(mine),
                    ],
                    remedy: !look.needs(.docker, .compose, .k3d)
                        ? nil
                        : condition == .denied
                            ? "sudo usermod -aG \(socket.groupName) $USER" : "sudo systemctl start docker")
            ]
        }
    }

    private static func program(
        _ version: Known<String>, _ id: String, _ claim: String, _ kinds: Set<RuntimeKind>, _ remedy: String
    ) -> EngineCheck {
        EngineCheck(id, .error, claim) { look in
            guard look.all.contains(where: { kinds.contains($0.instance.config.runtime) }),
                case .unknown(let why) = version
            else { return [] }
            return [Finding(.error, why, remedy: remedy)]
        }
    }
}
