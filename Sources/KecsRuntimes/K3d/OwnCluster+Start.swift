// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// The cluster's nodes: made, started, made anew.
extension OwnCluster {
    /// Brings up the nodes.
    ///
    /// - Returns: True when the cluster was created now.
    func bringUpNodes() async throws -> Bool {
        switch try await k3d.existence(of: name) {
        case .unknown(let why): throw unknown(why)
        case .absent:
            try await create()
            return true
        case .present(let found):
            if let other = try await foreignOwner() {
                throw Failure(
                    .busy, "the cluster “\(name)” belongs to another instance",
                    cause: "its nodes carry the label \(K3dCreate.ownerLabel)=\(other)",
                    remedy: "kecsctl list")
            }
            if case .halfMade(let why) = found.condition {
                try await rebuild(because: why)
                return true
            }
            if let folder = folders.first, !found.binds(folder.string) {
                throw Failure(
                    .failed, "the cluster “\(name)” does not see the data of “\(instance.name)”",
                    cause: "its server has no volume \(folder):\(folder), and one cannot be added",
                    // One that somebody else made is not deleted by a stop, and is theirs to make again.
                    remedy: try await isOurs()
                        ? "kecsctl stop \(instance.name)"
                        : "docker container inspect --format {{.HostConfig.Binds}} k3d-\(name)-server-0")
            }
            try k3sState?.check(found)
            switch found.condition {
            case .running, .halfMade: break
            case .paused: try await resume(found)
            case .stopped, .mixed: try await startNodes()
            }
            return false
        }
    }

    func startNodes() async throws {
        let result = try await k3d.start(
            name, phase: bounded(Self.phase), limit: bounded(Self.phase * 3))
        guard result.succeeded else {
            throw failed("k3d could not start “\(name)”", result)
        }
    }

    func create() async throws {
        let findings = try await engine.findings()
        try refuseForeignNames(in: findings)
        // k3d would reuse the leftovers of an interrupted create, and then keep them permanently.
        try await removeRemains(findings)
        let choice = K3dPorts(instance: instance, machine: machine)
        let kubePort = try await choice.kubePort(of: self)
        let ports = self.ports + (try await choice.ingress(of: self))
        for (port, key) in try settings(of: ports) + [(kubePort, SettingKey.kubePort)] {
            try await checkIsFree(port, key)
        }
        for folder in folders { try folder.createFolder() }
        let state = try await k3sState?.prepare()
        try noteRestore(hasState: state?.hasState == true)
        var request = K3dCreate(
            cluster: name, image: image, agents: agents, kubePort: kubePort, folders: folders, store: store,
            sharesMounts: sharesMounts, ports: ports, instance: instance.config.id, phase: bounded(Self.phase)
        )
        request.volumes = (k3sState?.places ?? []).map { .init(host: FilePath($0.volume), inside: $0.inside) }
        request.token = state?.token
        try JSONFile.write(
            ["cluster": name, "since": "\(machine.clock.now())"], to: draft)
        machine.progress.step("creating the cluster \(name)", total: nil)
        let result = try await k3d.create(request, limit: bounded(Self.creation))
        guard !result.succeeded else { return }
        // k3d has rolled back, or claims it. The result is checked here, and leftovers are removed.
        let failure = failed("k3d could not create “\(name)”", result)
        if case .unknown(let why) = try await k3d.existence(of: name) { throw unknown(why) }
        try await deleteCluster()
        try draft.remove()
        throw failure
    }

    /// Before there is a cluster that could be taken for the one of before.
    ///
    /// - Parameter hasState: True when k3s itself brings back what the cluster held.
    private func noteRestore(hasState: Bool) throws {
        guard kubeconfig == instance.folder.kubeconfig else { return }
        if store == nil || hasState {
            try PendingClusterRestore.clear(instance.folder)
        } else {
            try PendingClusterRestore.mark(instance.folder, at: machine.clock.now())
        }
    }

    func rebuild(because why: String) async throws {
        guard try await isOurs() else {
            throw Failure(
                .failed, "the cluster “\(name)” is half-made, and kecsctl did not make it",
                cause: why, remedy: "k3d cluster delete \(name)")
        }
        try await deleteCluster()
        try await create()
    }

    /// Returns true when this instance made the cluster: its nodes have the instance's label, or it has no node yet and
    /// this instance was creating it.
    func isOurs() async throws -> Bool {
        let findings = try await engine.findings()
        if let owner = findings.owner { return owner == instance.config.id }
        return try draft.isPresent
    }

    func refuseForeignNames(in findings: K3dEngine.Findings) throws {
        let foreign = engine.foreign(in: findings)
        guard foreign.isEmpty else {
            throw Failure(
                .failed, "the cluster “\(name)” cannot be created: other objects have its name",
                cause:
                    "\(foreign.joined(separator: ", ")) are not k3d's, and k3d would take them for its own",
                remedy: "docker ps -a --filter name=k3d-\(name)")
        }
    }

    /// Removes leftovers without a server: a tools container, a network, the image volume.
    func removeRemains(_ findings: K3dEngine.Findings) async throws {
        if findings.containers.isEmpty {
            _ = try await engine.removeLeftovers(findings)
        } else {
            try await deleteCluster()
        }
    }

    /// Returns the setting of each port of this host.
    func settings(of ports: [K3dCreate.Port]) throws -> [(Int, SettingKey)] {
        let api = try instance.settings.number(.apiPort) ?? 5373
        let admin = try instance.settings.number(.adminPort) ?? 5374
        return ports.map { port in
            let entry = ingress.first { $0.node == port.node }
            let key: SettingKey =
                if let entry { entry.key } else if port.host == api { .apiPort } else if port.host == admin {
                    .adminPort
                } else { .kubePort }
            return (port.host, key)
        }
    }

    func checkIsFree(_ port: Int, _ key: SettingKey) async throws {
        guard let number = UInt16(exactly: port), try !Ports.isFree(number) else { return }
        let holder = Ports.holder(of: number)
        let isMain = kubeconfig == instance.folder.kubeconfig
        // The port of a cluster that only holds services is in a file of its own. Without that file, it is chosen
        // again.
        let remedy =
            key == .kubePort && !isMain
            ? "rm \(ShellWords.quote([K3dPorts.file(of: self).string]))"
            : "kecsctl config set \(key.rawValue) \(try K3dPorts.nextFree(after: port)) --instance \(instance.name)"
        throw Failure(
            .failed, "the port \(port) that “\(instance.name)” needs is taken (\(key.rawValue))",
            cause: holder.map { "process \($0.pid) listens on it: \($0.command)" }, remedy: remedy)
    }
}
