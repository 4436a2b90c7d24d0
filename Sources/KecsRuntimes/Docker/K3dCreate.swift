// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Everything that is decided about a cluster before it is created.
struct K3dCreate: Hashable, Sendable {
    struct Port: Hashable, Sendable {
        var address = "127.0.0.1"
        var host: Int
        var node: Int
    }

    /// A folder of this host, and where every node has it.
    struct Mount: Hashable, Sendable {
        var host: FilePath
        var inside: String
    }

    var cluster: String
    var image: String
    var agents = 0
    var kubePort: Int
    /// The folders, mounted at the same path in the server: the control plane sees this host's folder by hostPath.
    var folders: [FilePath]
    /// Docker volumes, by name, and where the server has them.
    var volumes: [Mount] = []
    /// The cluster's token; nil for one that k3d chooses.
    var token: Secret?
    /// The mount of Velero's object store. With it, policies between pods are in effect.
    var store: Mount?
    /// True when mounts in a node reach the pods that ask for them, such as an agent that reads volumes.
    var sharesMounts = false
    var ports: [Port]
    /// The instance's UUID, on every server's container. It shows that a cluster is ours.
    var instance: String
    /// k3d's own limit, which is only for each of its phases.
    var phase: Duration

    /// The label with the owner of a cluster.
    static let ownerLabel = "kecsctl.instance"

    /// The arguments of k3d. A second is the smallest unit that k3d is given, and it does not accept zero.
    var arguments: [String] {
        var words = [
            "cluster", "create", cluster, "--image", image, "--servers", "1", "--agents", "\(agents)",
            // Without an address the API binds to all of them, and the kubeconfig has 0.0.0.0.
            "--api-port", "127.0.0.1:\(kubePort)",
        ]
        for folder in folders { words += ["--volume", "\(folder):\(folder)@server:0"] }
        for volume in volumes { words += ["--volume", "\(volume.host):\(volume.inside)@server:0"] }
        if let store { words += ["--volume", "\(store.host):\(store.inside)@all"] }
        for port in ports {
            words += ["--port", "\(port.address):\(port.host):\(port.node)@server:0:direct"]
        }
        for option in ["traefik", "servicelb", "metrics-server"] {
            words += ["--k3s-arg", "--disable=\(option)@server:*"]
        }
        if store == nil { words += ["--k3s-arg", "--disable-network-policy@server:*"] }
        words += ["--runtime-label", "\(Self.ownerLabel)=\(instance)@server:*"]
        // The user's own kubeconfig and its current context must not change.
        words += ["--kubeconfig-update-default=false", "--kubeconfig-switch-context=false"]
        words += ["--wait", "--timeout", "\(max(1, phase.components.seconds))s"]
        return words
    }
}

/// Maps a port of this host to a port of a node.
enum NodePort {
    static let range = 30_000...32_767
    /// Traefik's, which are fixed (KECS).
    static let reserved: Set<Int> = [30_443, 30_880, 30_808]

    /// Returns the port by upstream KECS's rule: the port itself, or 22,000 more, when that is a node port; else the
    /// fallback.
    static func rule(for port: Int, fallback: Int) -> Int {
        if range.contains(port) { return port }
        return range.contains(port + 22_000) ? port + 22_000 : fallback
    }

    /// Returns two node ports. Upstream lets the two collide (8080 and 5373 are both 30080); here the second one moves
    /// on to the next free one.
    static func pair(api: Int, admin: Int) -> (api: Int, admin: Int) {
        func free(_ port: Int, besides taken: Set<Int>) -> Int {
            var port = port
            while reserved.contains(port) || taken.contains(port) {
                port = port == range.upperBound ? range.lowerBound : port + 1
            }
            return port
        }
        let first = free(rule(for: api, fallback: 30_080), besides: [])
        return (first, free(rule(for: admin, fallback: 30_081), besides: [first]))
    }
}
