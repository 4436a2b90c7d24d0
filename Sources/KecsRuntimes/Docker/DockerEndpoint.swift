// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Kecs
import KecsSystem
import SystemPackage

/// The address of an engine, and the reasons why it may not answer there.
struct DockerEndpoint: Hashable, Sendable {
    /// "unix:///var/run/docker.sock", "tcp://…"
    let text: String

    init(_ text: String) { self.text = text }

    /// The socket on this host; nil for an engine elsewhere.
    var socket: FilePath? {
        guard text.hasPrefix("unix://") else { return nil }
        let path = FilePath(String(text.dropFirst("unix://".count)))
        return path.isAbsolute ? path : nil
    }

    /// Returns true when there may be an engine, for callers that can do without one. Asks no engine yet. A folder in the
    /// socket's place, which docker makes when it mounts a socket that is not there, is no engine.
    static func isThere(_ machine: Machine) -> Bool {
        let text = machine.environment["DOCKER_HOST"] ?? "unix:///var/run/docker.sock"
        guard let socket = DockerEndpoint(text).socket else { return !text.isEmpty }
        do {
            return try FileStatus.following(socket)?.kind == .socket
        } catch {
            return true
        }
    }

    /// - Parameter complaint: docker's message.
    func failure(_ complaint: String) -> Failure {
        guard let socket else {
            return Failure(
                .unreachable, "the docker engine at \(text) does not answer", cause: complaint,
                remedy: "docker version")
        }
        let status: FileStatus?
        do {
            status = try FileStatus.following(socket)
        } catch {
            return Failure(
                .unreachable, "cannot read the docker socket \(socket)", cause: "\(error)",
                remedy: "ls -l \(socket)")
        }
        guard let status else {
            return Failure(
                .unreachable, "there is no docker socket \(socket)",
                cause: "the engine does not run, or listens elsewhere (DOCKER_HOST, docker context)",
                remedy: "sudo systemctl start docker")
        }
        guard status.kind == .socket else {
            return Failure(
                .unreachable, "\(socket) is not a socket", cause: complaint, remedy: "ls -l \(socket)")
        }
        guard socket.withPlatformString({ paths_access($0, R_OK | W_OK) }) == 0 else {
            return Failure(
                .unreachable, "the docker socket \(socket) may not be used by this user",
                cause:
                    "it belongs to user \(status.owner) and group \(status.group) with mode "
                    + "\(String(status.mode, radix: 8)); this is user \(Machine.userID)",
                remedy: "sudo usermod -aG docker $USER")
        }
        return Failure(
            .unreachable, "the docker engine at \(socket) does not answer", cause: complaint,
            remedy: "sudo systemctl restart docker")
    }
}
