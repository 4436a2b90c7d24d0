// SPDX-License-Identifier: Apache-2.0
import KecsStorage

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
        /// Written by `create` only, when the load balancer is up: without it nobody reaches the API.
        var isReachable = false
        var isNetworkForeign = false
        var isVolumeForeign = false
    }
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
    var objects: [String: Objects] = [:]
    /// Ports that somebody listens on whom docker finds out too late.
    var takenPorts: [Int] = []
    var missingImages: [String] = []
    /// How long k3d takes to create a cluster.
    var createMilliseconds = 0
    /// How many times a new workload is seen waiting before it is available.
    var rolloutQuestions = 0
    /// Clusters whose API does not answer.
    var silent: [String] = []
    var faults: [Fault] = []
    /// Calls that no recording answers: a test that leaves one has found a change.
    var unexpected: [String] = []
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
