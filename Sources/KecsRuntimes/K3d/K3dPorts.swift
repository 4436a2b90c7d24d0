// SPDX-License-Identifier: Apache-2.0
import Glibc
import Kecs
import KecsSystem
import SystemPackage

/// Chooses the port of a cluster's Kubernetes API once and keeps it, so that no kubeconfig is ever outdated.
struct K3dPorts: Sendable {
    let instance: Instance
    let machine: Machine

    /// The first port to try: k3d's own customary one.
    static let first = 6550

    /// Returns the cluster's port. The instance's own cluster has it in `config.json`, another one in a file next to
    /// its kubeconfig. A port that is chosen now is written there.
    func kubePort(of cluster: OwnCluster) async throws -> Int {
        let isMain = cluster.kubeconfig == instance.folder.kubeconfig
        let file = Self.file(of: cluster)
        if isMain { return try await kept(.kubePort, from: Self.first) }
        if try file.isPresent { return try JSONFile.read(Record.self, from: file).kubePort }
        return try await Self.exclusively("ports", machine: machine) {
            let port = try free(from: Self.first, for: .kubePort)
            try JSONFile.write(Record(kubePort: port), to: file)
            return port
        }
    }

    /// Returns Traefik's ports of this host, with the node's.
    func ingress(of cluster: OwnCluster) async throws -> [K3dCreate.Port] {
        var ports: [K3dCreate.Port] = []
        for entry in cluster.ingress {
            ports.append(.init(host: try await kept(entry.key, from: entry.first), node: entry.node))
        }
        return ports
    }

    /// Returns the port in the instance's configuration, or the first free one, which is then saved there.
    private func kept(_ key: SettingKey, from first: Int) async throws -> Int {
        if let port = try instance.settings.number(key) { return port }
        return try await Self.exclusively("ports", machine: machine) {
            let port = try free(from: first, for: key)
            var config = try InstanceConfig.read(instance.folder.config)
            config.settings[key.rawValue] = .integer(Int64(port))
            try config.write(to: instance.folder.config)
            return port
        }
    }

    private func free(from first: Int, for key: SettingKey) throws -> Int {
        let taken = takenPorts()
        for port in first..<(first + 1000)
        where try !taken.contains(port) && Ports.isFree(UInt16(port)) { return port }
        throw Failure(
            .failed, "“\(instance.name)” finds no free port for its setting \(key.rawValue)",
            cause: "all from \(first) to \(first + 999) are taken",
            remedy: "kecsctl config set \(key.rawValue) \(first + 1000) --instance \(instance.name)")
    }

    /// Returns the file with the port of a cluster that only holds services.
    static func file(of cluster: OwnCluster) -> FilePath {
        cluster.kubeconfig.removingLastComponent().appending(fileName)
    }

    /// Returns the next higher port on which no process listens, for a remedy.
    static func nextFree(after port: Int) throws -> Int {
        for next in (port + 1)..<min(port + 1000, 65_536) where try Ports.isFree(UInt16(next)) { return next }
        return port
    }

    private struct Record: Codable { var kubePort: Int }
    private static let fileName = "cluster.json"

    /// Returns the ports that the instances of this home have chosen, running or not.
    private func takenPorts() -> Set<Int> {
        let home = instance.folder.path.removingLastComponent()
        var taken: Set<Int> = []
        // A broken instance has no readable port; it is reported elsewhere.
        for name in (try? home.entries()) ?? [] {
            let folder = home.appending(name)
            if let config = try? InstanceConfig.read(InstanceFolder(path: folder).config) {
                for key in SettingKey.ports {
                    if case .integer(let port)? = config.settings[key.rawValue] { taken.insert(Int(port)) }
                }
            }
            let clusters = folder.appending(InstanceFolder.clustersName)
            for cluster in (try? clusters.entries()) ?? [] {
                let file = clusters.appending(cluster).appending(Self.fileName)
                if let record = try? JSONFile.read(Record.self, from: file) { taken.insert(record.kubePort) }
            }
        }
        return taken
    }

    /// Runs `body` with a lock against all other processes of this user, in any home.
    static func exclusively<Value>(
        _ name: String, machine: Machine, _ body: () async throws -> Value
    ) async throws -> Value {
        let folder = FilePath(machine.environment["TMPDIR"] ?? "/tmp")
            .appending("kecsctl-\(Machine.userID)")
        try folder.createFolder()
        // Any user may create folders in /tmp: a folder of another user is not safe for a lock.
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
