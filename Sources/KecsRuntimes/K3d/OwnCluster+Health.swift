// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

extension OwnCluster {
    /// Returns the problems of a cluster whose API answers.
    ///
    /// - Parameter limit: The time to wait for nodes that are not ready yet; a minute at most.
    func troubles(limit: Duration) async throws -> [ClusterTrouble] {
        var nodes: [Kubectl.Node] = []
        _ = try await machine.clock.wait(upTo: min(limit, .seconds(60)), every: .seconds(1)) {
            try machine.cancellation.check()
            nodes = try await kubectl.nodes()
            return !nodes.isEmpty && nodes.allSatisfy(\.isReady)
        }
        var troubles = nodes.filter { !$0.isReady }.map {
            trouble("the node \($0.name) is not ready", remedy: "kubectl describe node \($0.name)")
        }
        if nodes.isEmpty {
            troubles.append(
                trouble(
                    "“\(name)” has no nodes that services could run on", remedy: "k3d cluster list \(name)"))
        }
        let containers = try await NodeAddresses(self).recorded()
        for node in nodes {
            guard let now = containers[node.name], let recorded = node.address, now != recorded else {
                continue
            }
            troubles.append(
                trouble(
                    "the node \(node.name) is on record with the address \(recorded), and its container has \(now)",
                    remedy: restart))
        }
        return try await troubles + nameTroubles(containers)
    }

    /// Returns the problems of the names in DNS. k3d writes the addresses of the nodes and of this host into CoreDNS's
    /// `NodeHosts` when it starts a cluster. After a reboot docker starts the containers without k3d, so they are not
    /// written (k3d issues 926 and 1221).
    private func nameTroubles(_ containers: [String: String]) async throws -> [ClusterTrouble] {
        guard let map = try await kubectl.object("configmap", "coredns", namespace: "kube-system"),
            let hosts = map["data"]?["NodeHosts"]?.string
        else { return [] }
        let entries = Self.hosts(in: hosts)
        var troubles = containers.sorted { $0.key < $1.key }.compactMap { node, address -> ClusterTrouble? in
            guard let known = entries[node], known != address else { return nil }
            return trouble(
                "the DNS of “\(name)” has \(known) for \(node), which has \(address)", remedy: restart)
        }
        if entries["host.k3d.internal"] == nil, try await !isInCustomNames("host.k3d.internal") {
            troubles.append(
                trouble("the DNS of “\(name)” does not know host.k3d.internal any more", remedy: restart))
        }
        return troubles
    }

    /// Returns true when the name is in the ConfigMap for names that survive a restart of k3s.
    private func isInCustomNames(_ name: String) async throws -> Bool {
        let map = try await kubectl.object("configmap", "coredns-custom", namespace: "kube-system")
        return (map?["data"]?.object ?? [:]).values.contains { $0.string?.contains(name) == true }
    }

    /// Returns the addresses of lines such as `172.18.0.2 k3d-dev-server-0`, as in /etc/hosts.
    static func hosts(in text: String) -> [String: String] {
        var hosts: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).map(String.init)
            for word in words.dropFirst() { hosts[word] = words[0] }
        }
        return hosts
    }

    private func trouble(_ message: String, remedy: String) -> ClusterTrouble {
        ClusterTrouble(cluster: name, message: message, remedy: remedy)
    }
}

/// The addresses of a cluster's nodes: those of their present containers, and those from the time when the cluster last
/// worked. A k3s that finds its node at another address may not start at all (k3d issue 1637), and then its API cannot
/// be asked for the expected address.
struct NodeAddresses {
    private let cluster: OwnCluster
    private var file: FilePath {
        cluster.kubeconfig.removingLastComponent().appending(InstanceFolder.nodesName)
    }

    init(_ cluster: OwnCluster) { self.cluster = cluster }

    /// Returns the addresses of servers and agents, by node. A node without an address is left out.
    func containers() async throws -> [String: String] {
        let name = cluster.name
        guard let found = try await cluster.k3d.clusters().first(where: { $0.name == name }) else {
            return [:]
        }
        var addresses: [String: String] = [:]
        for node in found.nodes where ["server", "agent"].contains(node.role) {
            if let address = node.address?.ip, !address.isEmpty { addresses[node.name] = address }
        }
        return addresses
    }

    /// Records the addresses. Call it when the cluster works.
    func record() async throws {
        let now = try await containers()
        if try file.isPresent, try JSONFile.read([String: String].self, from: file) == now { return }
        try JSONFile.write(now, to: file)
    }

    /// Returns the addresses from the last time that the cluster was brought up. Right after a start these are the
    /// present ones.
    func recorded() async throws -> [String: String] {
        guard try file.isPresent else { return try await containers() }
        return try JSONFile.read([String: String].self, from: file)
    }

    /// Returns a clause for each node whose address has changed.
    func moved() async throws -> [String] {
        guard try file.isPresent else { return [] }
        let before = try JSONFile.read([String: String].self, from: file)
        let now = try await containers()
        return now.sorted { $0.key < $1.key }.compactMap { node, address in
            guard let old = before[node], old != address else { return nil }
            return "\(node) had the address \(old) when the cluster last worked, and has \(address) now"
        }
    }
}
