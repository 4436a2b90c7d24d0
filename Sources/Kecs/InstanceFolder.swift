// SPDX-License-Identifier: Apache-2.0
public import SystemPackage

/// Every name in an instance's folder, with its meaning. `docs/formats.md` mirrors it.
public struct InstanceFolder: Hashable, Sendable {
    public let path: FilePath

    public init(path: FilePath) { self.path = path }

    /// Ours: name, runtime, ports, image, parts, policy; `version` inside.
    public var config: FilePath { path.appending(Self.configName) }
    /// Upstream KECS's own, when there is one: read, never written.
    public var upstreamConfig: FilePath { path.appending(Self.upstreamConfigName) }
    /// flock; the content is for people.
    public var lock: FilePath { path.appending("lock") }
    /// The journal. Exists only while a long operation runs, or after it was killed.
    public var journal: FilePath { path.appending("journal.json") }
    /// The duty. Exists only while the instance is down and must run.
    public var duty: FilePath { path.appending("duty.json") }
    /// How far its move to another machine is. It stays when the move is done, and says where the instance is now.
    public var move: FilePath { path.appending("move.json") }
    /// The folder that the control plane writes.
    public var data: FilePath { path.appending(Self.dataName) }
    /// The state database of an instance whose data folder is the default one.
    public static let databaseName = "kecs.db"
    /// The object store's directory, bound into the cluster.
    public var objectStore: FilePath { path.appending(Self.objectStoreName) }
    public var veleroConfig: FilePath { path.appending(Self.veleroConfigName) }
    /// What the volumes with the state of its k3s cannot be used without: the token, and the image that wrote them.
    public var k3sState: FilePath { path.appending(Self.k3sStateName) }
    public var logs: FilePath { path.appending("logs") }
    /// Output of the local runtime's server.
    public var serverLog: FilePath { logs.appending("server.log") }
    /// The identity of the local runtime's server process.
    public var server: FilePath { path.appending("server.json") }
    /// The state of the containers before an operation pauses or stops them. Exists only while the operation runs, or
    /// after it was killed.
    public var containers: FilePath { path.appending("containers.json") }
    /// The k3d runtime's access to its cluster, for kubectl: 0600, and never merged into the user's own.
    public var kubeconfig: FilePath { path.appending(Self.kubeconfigName) }
    /// The draft of a cluster, while the k3d runtime makes it. It proves that the leftovers of a killed run are ours
    /// and incomplete.
    public var clusterDraft: FilePath { path.appending(Self.clusterDraftName) }
    /// There from before a cluster is made anew until what it held is in it again.
    public var clusterRestore: FilePath { path.appending("cluster-restore.json") }
    /// How far a recovery is, while it runs or after it was cut off.
    public var recovery: FilePath { path.appending("recovery.json") }
    /// The trees that the last restores replaced, each in a folder named by its restore.
    public var previous: FilePath { path.appending(".previous") }
    /// The time at which kecsctl last put data in place.
    public var placement: FilePath { path.appending(Placement.fileName) }
    /// Trees being unpacked for a restore, each in a folder named by its restore.
    public var restoring: FilePath { path.appending(".restoring") }

    public static let kubeconfigName = "kubeconfig"
    public static let clusterDraftName = "cluster.draft.json"
    /// The places of a cluster's nodes when it last worked; next to its kubeconfig.
    public static let nodesName = "nodes.json"
    /// The clusters other than the instance's own, a folder each: kubeconfig, draft, port.
    public static let clustersName = "clusters"
    public static let configName = "config.json"
    public static let upstreamConfigName = "config.yaml"
    public static let dataName = "data"
    public static let objectStoreName = "minio-data"
    public static let veleroConfigName = "velero-config"
    public static let k3sStateName = "k3s-state.json"
    /// The entries of the part `config`.
    public static let configEntries = [configName, upstreamConfigName, veleroConfigName, k3sStateName]
}
