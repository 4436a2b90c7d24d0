// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// The state of the world, kept in `world.json` between calls. Tests write it to set up a state, and read it to see the
/// results.
struct World: Codable {
    struct Container: Codable {
        struct Mount: Codable {
            /// The type: `bind volume`.
            var type: String
            /// The name of a volume.
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
        /// The status: `created running paused exited`.
        var status: String
        var labels: [String: String] = [:]
        /// The id. Containers that k3d makes have no id but their name.
        var id = ""
        var image = ""
        var variables: [String] = []
        var mounts: [Mount] = []
        var ports: [Port] = []
        var restart = "no"
        /// The number of times it was started.
        var runs = 0
        /// The pid of the process that listens on its ports.
        var pid: Int32 = 0
        var finishedAt = "0001-01-01T00:00:00Z"
        /// The text that it wrote to standard output; `errors` has the text to standard error.
        var output = ""
        var errors = ""
    }
    struct Image: Codable {
        var id: String
        var tags: [String]
        /// The programs that can be run in it: "sh", "stat".
        var programs: [String] = []
    }
    /// An answer of a container's server at `/health`, for a number of times.
    struct Health: Codable {
        /// The HTTP status; 0 closes the connection.
        var status: Int
        var body: String
        /// The number of times; nil for every time from now on.
        var times: Int?
    }
    struct Cluster: Codable {
        var name: String
        var kubePort: Int
        var binds: [String] = []
        /// The folders that are mounted into every node, `HOST:INSIDE`.
        var shared: [String]?
        /// True when it was created with `K3D_FIX_MOUNTS=1`.
        var sharesMounts: Bool?
        var image = ""
        /// The address of the server in docker, which k3d lists.
        var address = World.recordedAddress
        /// True once the load balancer is up, which only `create` records: without it, the API cannot be reached.
        var isReachable = false
        var isNetworkForeign = false
        var isVolumeForeign = false
        var agents = 0
        /// True when the mounted folders are mounted into every node.
        var bindsAllNodes = false
    }
    /// The address of the recorded cluster's server (71c).
    static let recordedAddress = "172.25.0.2"
    struct Thing: Codable {
        var name: String
        var labels: [String: String] = [:]
        /// The options of a volume: with any, its mount point is empty while no container uses it.
        var options: [String: String] = [:]
    }
    /// The objects of one cluster, by `kind/namespace/name`.
    typealias Objects = [String: JSONValue]

    /// The state of docker: `up down forbidden`.
    var docker = "up"
    var clusters: [Cluster] = []
    var containers: [Container] = []
    var networks: [Thing] = []
    var volumes: [Thing] = []
    var images: [Image] = []
    /// The servers' answers about their health; healthy after the end of the list.
    var health: [Health] = []
    /// The time at which the engine was started.
    var engineStart = "2026-01-01T00:00:00Z"
    /// The ends of containers that the engine remembers, in nanoseconds, by container.
    var deaths: [String: Int64] = [:]
    /// The time that a server takes to end when it is stopped. The engine stops it also when no client waits.
    var stopMilliseconds = 0
    /// The sizes of volumes in docker's list; others are "N/A".
    var volumeSizes: [String: String] = [:]
    /// The objects by cluster, in a file of their own: only calls that need objects read a thousand of them.
    var objects: [String: Objects] = [:]
    /// Ports that another process holds, and that docker finds taken too late.
    var takenPorts: [Int] = []
    var missingImages: [String] = []
    /// The names of objects that the API refuses.
    var invalid: [String] = []
    /// The names of custom resource definitions: `widgets.example.com`, `widgets.example.com=WidgetKind`.
    var customResources: [String] = []
    /// The workloads whose pods do not become available, by name, with the reason: `ImagePullBackOff CrashLoopBackOff
    /// FailedMount FailedScheduling FailedCreate CreateContainerConfigError InvalidImageName Unready`.
    var podTroubles: [String: String] = [:]
    /// The time that k3d takes to create a cluster.
    var createMilliseconds = 0
    /// The number of creates that run now; `mostCreating` is the largest number at once.
    var creating = 0
    var mostCreating = 0
    /// The number of times that a new workload is reported as waiting before it is available.
    var rolloutQuestions = 0
    /// The log of the control plane's pod; nil while its container waits for its image.
    var podLog: String?
    /// The programs that can be run in the pod.
    var podPrograms = ["stat", "head"]
    /// The clusters whose API does not answer.
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
        // The objects come first: a process that is killed in between has made a cluster's objects, and the cluster
        // cannot be reached yet.
        if withObjects {
            let text = JSONValue.object(objects.mapValues { .object($0) }).text()
            try folder.appending("objects.json").replaceContents(Array(text.utf8))
        }
        try folder.appending("world.json").replaceContents(try JSONFile.encode(self))
    }
}

/// A fault of a call, once unless stated otherwise.
struct Fault: Codable {
    /// The first words of the call: "k3d cluster create".
    var call: String
    /// The kind: `fail hang lie flood die`.
    var kind: String
    /// The number of calls that pass before it.
    var after = 0
    /// The number of times; nil for always.
    var times: Int? = 1
    /// The message of `fail`: a recording's name, or words for stderr.
    var says: String?
    /// The point of `die`: at the log line that contains this, or after that many objects.
    var at: String?
}
