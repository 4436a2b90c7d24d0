// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import SystemPackage

/// What there is: kept in `world.json` between calls. Tests write it to say how things are, and read it to see what became
/// of them.
struct World: Codable {
    struct Container: Codable {
        struct Mount: Codable {
            /// `bind volume`
            var type: String
            /// Of a volume.
            var name = ""
            var source: String
            var target: String
            var isWritable = true
        }
        struct Port: Codable {
            var address: String
            var host: Int
            var inner: Int
        }

        var name: String
        /// `created running paused exited`
        var status: String
        var labels: [String: String] = [:]
        /// Those that k3d makes have none but their name.
        var id = ""
        var image = ""
        var variables: [String] = []
        var mounts: [Mount] = []
        var ports: [Port] = []
        var restart = "no"
        /// How many times it was started.
        var runs = 0
        /// Of the process that listens on its ports.
        var pid: Int32 = 0
        var finishedAt = "0001-01-01T00:00:00Z"
        /// What it wrote, on either stream.
        var output = ""
        var errors = ""
    }
    struct Image: Codable {
        var id: String
        var tags: [String]
        /// What can be run in it: "sh", "stat".
        var programs: [String] = []
    }
    /// What a container's server says at `/health`, so many times.
    struct Health: Codable {
        /// 0: it hangs up.
        var status: Int
        var body: String
        /// Nil: from now on.
        var times: Int?
    }
    struct Cluster: Codable {
        var name: String
        var kubePort: Int
        var binds: [String] = []
        /// What is bound into every node, `HOST:INSIDE`.
        var shared: [String]?
        /// Whether it was made with `K3D_FIX_MOUNTS=1`.
        var sharesMounts: Bool?
        var image = ""
        /// Of the server, by docker; what k3d lists.
        var address = World.recordedAddress
        /// Written by `create` only, when the load balancer is up: without it nobody reaches the API.
        var isReachable = false
        var isNetworkForeign = false
        var isVolumeForeign = false
        var agents = 0
        /// Whether what is bound is bound into every node.
        var bindsAllNodes = false
    }
    /// Of the recorded cluster's server (71c).
    static let recordedAddress = "172.25.0.2"
    struct Thing: Codable {
        var name: String
        var labels: [String: String] = [:]
        /// Of a volume: with any, its mount point holds nothing while no container uses it.
        var options: [String: String] = [:]
    }
    /// Of one cluster, by `kind/namespace/name`.
    typealias Objects = [String: JSONValue]

    /// `up down forbidden`
    var docker = "up"
    var clusters: [Cluster] = []
    var containers: [Container] = []
    var networks: [Thing] = []
    var volumes: [Thing] = []
    var images: [Image] = []
    /// What servers say of themselves; well, once the list is at its end.
    var health: [Health] = []
    /// When the engine was started.
    var engineStart = "2026-01-01T00:00:00Z"
    /// Ends of containers that the engine remembers, in nanoseconds, by container.
    var deaths: [String: Int64] = [:]
    /// How long a server takes to end when it is told to. The engine sees to it also when nobody waits for it.
    var stopMilliseconds = 0
    /// What docker says that volumes hold; others are "N/A".
    var volumeSizes: [String: String] = [:]
    /// Kept in a file of its own: a thousand objects are read only by those who ask for objects.
    var objects: [String: Objects] = [:]
    /// Ports that somebody listens on whom docker finds out too late.
    var takenPorts: [Int] = []
    var missingImages: [String] = []
    /// Names of objects that the API refuses.
    var invalid: [String] = []
    /// Of custom resource definitions: `widgets.example.com`, `widgets.example.com=WidgetKind`.
    var customResources: [String] = []
    /// Workloads whose pods do not become available, by name, and why: `ImagePullBackOff CrashLoopBackOff FailedMount
    /// FailedScheduling FailedCreate CreateContainerConfigError InvalidImageName Unready`.
    var podTroubles: [String: String] = [:]
    /// How long k3d takes to create a cluster.
    var createMilliseconds = 0
    /// How many creates run now, and how many ran at once at most.
    var creating = 0
    var mostCreating = 0
    /// How many times a new workload is seen waiting before it is available.
    var rolloutQuestions = 0
    /// What the control plane's pod wrote; nil: its container waits for its image.
    var podLog: String?
    /// What can be run in the pod.
    var podPrograms = ["stat", "head"]
    /// Clusters whose API does not answer.
    var silent: [String] = []
    var faults: [Fault] = []
    var velero = Velero()
    /// Calls that no recording answers: a test that leaves one has found a change.
    var unexpected: [String] = []

    private enum CodingKeys: String, CodingKey {
        case creating, mostCreating
        case docker, clusters, containers, networks, volumes, takenPorts, missingImages, invalid,
            createMilliseconds
        case images, health, engineStart, deaths, stopMilliseconds, volumeSizes, podLog, podPrograms
        case rolloutQuestions, silent, faults, unexpected, customResources, podTroubles, velero
    }

    static func read(from folder: FilePath, withObjects: Bool = true) throws -> World {
        var world = try JSONFile.read(World.self, from: folder.appending("world.json"))
        let file = folder.appending("objects.json")
        guard withObjects, try file.isPresent else { return world }
        let text = String(decoding: try file.contents(), as: UTF8.self)
        world.objects = (try JSONValue(parsing: text).object ?? [:]).mapValues { $0.object ?? [:] }
        return world
    }

    func write(to folder: FilePath, withObjects: Bool = true) throws {
        // First: who is killed in between has made a cluster's objects, and nobody reaches it yet.
        if withObjects {
            let text = JSONValue.object(objects.mapValues { .object($0) }).text()
            try folder.appending("objects.json").replaceContents(Array(text.utf8))
        }
        try folder.appending("world.json").replaceContents(try JSONFile.encode(self))
    }
}

/// What goes wrong at a call, once unless said otherwise.
struct Fault: Codable {
    /// The call begins with these words: "k3d cluster create".
    var call: String
    /// `fail hang lie flood die`
    var kind: String
    /// Calls to let pass before.
    var after = 0
    /// How many times; nil for always.
    var times: Int? = 1
    /// For `fail`: a recording's name, or words for stderr.
    var says: String?
    /// For `die`: at the log line that contains this, or after so many objects.
    var at: String?
}
