// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

/// A cluster as `k3d cluster list -o json` reports it. Fields that we do not need are left out; k3d's token is one.
struct K3dCluster: Decodable, Hashable, Sendable {
    struct Node: Decodable, Hashable, Sendable {
        /// The state of the container, by docker: `created running restarting paused exited`.
        struct State: Decodable, Hashable, Sendable {
            var running: Bool
            var status: String

            enum CodingKeys: String, CodingKey {
                case running = "Running"
                case status = "Status"
            }
        }
        struct Address: Decodable, Hashable, Sendable {
            var ip: String?
            enum CodingKeys: String, CodingKey { case ip = "IP" }
        }
        var name: String
        /// `server agent loadbalancer registry noRole`
        var role: String
        var volumes: [String]?
        var state: State
        var address: Address?

        enum CodingKeys: String, CodingKey {
            case name, role, volumes
            case state = "State"
            case address = "IP"
        }
    }

    var name: String
    var nodes: [Node]
    var hasLoadbalancer: Bool?

    /// The condition of the cluster, by its nodes' containers: the counts that k3d prints (1/1) hide a load balancer
    /// that never came up.
    enum Condition: Hashable, Sendable {
        case running
        case stopped
        case paused
        /// A node that was made and never started: `k3d cluster create` was cut off. Starting it gives an unreachable
        /// API, because only `create` writes the load balancer's configuration.
        case halfMade(String)
        /// Some nodes run, some do not.
        case mixed(String)
    }

    var condition: Condition {
        let members = nodes.filter { ["server", "agent", "loadbalancer"].contains($0.role) }
        if let node = members.first(where: { $0.state.status == "created" }) {
            return .halfMade("\(node.name) was created and never started")
        }
        guard members.contains(where: { $0.role == "server" }) else {
            return .halfMade("it has no server")
        }
        if members.contains(where: { $0.state.status == "paused" }) { return .paused }
        if members.allSatisfy({ $0.state.status == "running" }) {
            // A delete that was cut off removed the load balancer first.
            guard members.contains(where: { $0.role == "loadbalancer" }) else {
                return .mixed("it has no load balancer")
            }
            return .running
        }
        if members.allSatisfy({ !$0.state.running }) { return .stopped }
        let silent = members.filter { $0.state.status != "running" }
            .map { "\($0.name) is \($0.state.status)" }
        return .mixed(silent.joined(separator: ", "))
    }

    /// Returns true when the first server sees a folder of this host at the same path.
    func binds(_ folder: String) -> Bool { binds(folder, at: folder) }

    /// Returns true when it sees the folder at another path.
    func binds(_ folder: String, at inside: String) -> Bool {
        nodes.contains { node in
            node.role == "server"
                && (node.volumes ?? []).contains { volume in
                    let words = volume.split(separator: ":").map(String.init)
                    return words.count >= 2 && words[0] == folder && words[1] == inside
                }
        }
    }

    /// - Returns: Nil for anything that is no JSON list; an empty list for `null`, which k3d prints for no nodes.
    static func list(from bytes: [UInt8]) -> [K3dCluster]? {
        try? JSONDecoder().decode([K3dCluster]?.self, from: Data(bytes)) ?? []
    }
}
