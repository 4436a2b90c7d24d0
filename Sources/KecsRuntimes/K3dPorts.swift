// SPDX-License-Identifier: Apache-2.0
import Glibc
import Kecs
import KecsStorage
import KecsSystem
import SystemPackage

/// The port of a cluster's Kubernetes API: chosen once and kept, so that no kubeconfig is ever outdated.
struct K3dPorts: Sendable {
    let instance: Instance
    let machine: Machine

    /// k3d's own customary port.
    static let first = 6550

    /// The port in `config.json`, written there when it is not yet.
    func kubePort() async throws -> Int {
        if let port = try instance.settings.number(.kubePort) { return port }
        return try await Self.exclusively("ports", machine: machine) {
            let taken = othersPorts()
            var port = Self.first
            while try taken.contains(port) || !Ports.isFree(UInt16(port)) {
                port += 1
                guard port < 7550 else {
                    throw Failure(
                        .failed, "there is no free port for the Kubernetes API of “\(instance.name)”",
                        remedy: "kecsctl config set \(instance.name) kubePort 16550")
                }
            }
            var config = try InstanceConfig.read(instance.folder.config)
            config.settings[SettingKey.kubePort.rawValue] = .integer(Int64(port))
            try config.write(to: instance.folder.config)
            return port
        }
    }

    /// Those that the other instances of this home have chosen, be they running or not.
    private func othersPorts() -> Set<Int> {
        let home = instance.folder.path.removingLastComponent()
        var taken: Set<Int> = []
        for name in (try? home.entries()) ?? [] {
            // A broken instance has no port that could be read; it is told elsewhere.
            guard
                let config = try? InstanceConfig.read(
                    InstanceFolder(path: home.appending(name)).config)
            else { continue }
            for key in [SettingKey.kubePort, .apiPort, .adminPort] {
                if case .integer(let port)? = config.settings[key.rawValue] { taken.insert(Int(port)) }
            }
        }
        return taken
    }

    /// One at a time among all processes of this user, whatever their homes.
    static func exclusively<Value>(
        _ name: String, machine: Machine, _ body: () async throws -> Value
    ) async throws -> Value {
        let folder = FilePath(machine.environment["TMPDIR"] ?? "/tmp")
            .appending("kecsctl-\(Machine.userID)")
        try folder.createFolder()
        // Anyone may make folders in /tmp: one that is not ours is not to be trusted with a lock.
        guard let status = try FileStatus.of(folder), status.kind == .folder, status.owner == Machine.userID
        else { throw FileError("use the folder", folder, .notPermitted) }
        do {
            return try await FileLock.hold(
                folder.appending("k3d-\(name).lock"), command: "kecsctl", wait: .seconds(600),
                clock: machine.clock, cancellation: machine.cancellation, body)
        } catch let error as LockHeld {
            throw Failure(
                .busy, "another kecsctl works on the cluster “\(name)”", cause: "\(error.path) is held",
                remedy: "kecsctl list")
        }
    }
}
