// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import SystemPackage

/// What there is: kept in `world.json` between calls. Tests write it to say how things are, and read it to see what became
/// of them.
struct World: Codable {
    struct Container: Codable {
        var name: String
        /// `created running paused exited`
        var status: String
        var labels: [String: String] = [:]
    }
    struct Cluster: Codable {
        var name: String
        var kubePort: Int
        var binds: [String] = []
        var image = ""
        /// Of the server, by docker; what k3d lists.
        var address = World.recordedAddress
        /// Written by `create` only, when the load balancer is up: without it nobody reaches the API.
        var isReachable = false
        var isNetworkForeign = false
        var isVolumeForeign = false
    }
    /// Of the recorded cluster's server (71c).
    static let recordedAddress = "172.25.0.2"
    struct Thing: Codable {
        var name: String
        var labels: [String: String] = [:]
    }
    /// Of one cluster, by `kind/namespace/name`.
    typealias Objects = [String: JSONValue]

    /// `up down forbidden`
    var docker = "up"
    var clusters: [Cluster] = []
    var containers: [Container] = []
    var networks: [Thing] = []
    var volumes: [Thing] = []
    /// Kept in a file of its own: a thousand objects are read only by those who ask for objects.
    var objects: [String: Objects] = [:]
    /// Ports that somebody listens on whom docker finds out too late.
    var takenPorts: [Int] = []
    var missingImages: [String] = []
    /// Names of objects that the API refuses.
    var invalid: [String] = []
    /// How long k3d takes to create a cluster.
    var createMilliseconds = 0
    /// How many creates run now, and how many ran at once at most.
    var creating = 0
    var mostCreating = 0
    /// How many times a new workload is seen waiting before it is available.
    var rolloutQuestions = 0
    /// Clusters whose API does not answer.
    var silent: [String] = []
    var faults: [Fault] = []
    /// Calls that no recording answers: a test that leaves one has found a change.
    var unexpected: [String] = []

    private enum CodingKeys: String, CodingKey {
        case creating, mostCreating
        case docker, clusters, containers, networks, volumes, takenPorts, missingImages, invalid,
            createMilliseconds
        case rolloutQuestions, silent, faults, unexpected
    }

    static func read(from folder: FilePath, withObjects: Bool = true) throws -> World {
        var world = try JSONFile.read(World.self, from: folder.appending("world.json"))
        let file = folder.appending("objects.json")
        guard withObjects, file.isPresent else { return world }
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
