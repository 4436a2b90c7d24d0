// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

/// What k3s keeps of a cluster: its database (SQLite, by kine), token, certificates and credentials. With the setting
/// `k3sState` it lies in two docker volumes that outlive the cluster's nodes, and are parts like other volumes.
struct K3sState: Sendable {
    /// One of the volumes.
    struct Place: Hashable, Sendable {
        var part: String
        var volume: String
        /// The path in the node.
        var inside: String
    }

    static let databasePart = "k3s-state"
    private static let nodePart = "k3s-node"
    /// `db/state.db`, `token`, `tls` and `cred` lie there (k3s, `pkg/server` and `pkg/cluster`).
    private static let serverFolder = "/var/lib/rancher/k3s/server"
    /// The password of the node, whose digest is in the database: a node of the same name with another one is refused
    /// (k3s, `pkg/nodepassword`).
    private static let nodeFolder = "/etc/rancher/node"

    let instance: Instance
    let cluster: String
    let image: String
    private let machine: Machine
    private let docker: Docker
    let volumes: Volumes

    /// - Returns: Nil when the setting is off.
    /// - Throws: `Failure(.usage)` for a cluster whose nodes have passwords elsewhere.
    static func of(_ instance: Instance, machine: Machine, cluster: String, image: String) throws -> K3sState?
    {
        guard try instance.settings.flag(.k3sState) else { return nil }
        if let agents = try instance.settings.number(.agents), agents > 0 {
            throw Failure(
                .usage, "the state of k3s is kept for a cluster of one node, and “\(instance.name)” has more",
                cause: "an agent that is made anew has another password than the one that the state knows",
                remedy: "kecsctl config set agents 0 --instance \(instance.name)")
        }
        return K3sState(instance: instance, cluster: cluster, image: image, machine: machine)
    }

    private init(instance: Instance, cluster: String, image: String, machine: Machine) {
        self.instance = instance
        self.cluster = cluster
        self.image = image
        self.machine = machine
        docker = Docker(machine)
        volumes = Volumes(machine, helpersOf: instance, image: image)
    }

    var places: [Place] {
        [
            Place(part: Self.databasePart, volume: "\(cluster)-k3s", inside: Self.serverFolder),
            Place(part: Self.nodePart, volume: "\(cluster)-k3s-node", inside: Self.nodeFolder),
        ]
    }

    /// The node of the state's cluster, whose name is in the state.
    var node: String { "k3d-\(cluster)-server-0" }

    // MARK: The record

    /// `k3s-state.json`, which the part `config` has too: what the volumes cannot be used without.
    private struct Record: Codable {
        var version = 1
        /// Of the k3s that wrote the state last.
        var image: String
        /// The cluster's token. k3s does not open its state with another one.
        var token: String
    }

    private func record() throws -> Record? {
        let file = instance.folder.k3sState
        guard try file.isPresent else { return nil }
        try file.checkIsOurFile()
        return try JSONFile.read(Record.self, from: file)
    }

    // MARK: The parts

    /// The volumes that are there.
    func parts() async throws -> [Part] {
        var parts: [Part] = []
        for place in places where try await docker.volume(place.volume) != nil {
            parts.append(Part(name: place.part, place: .volume(place.volume, at: nil)))
        }
        return try await volumes.located(parts)
    }

    /// All of them, for an inventory.
    func inventory() async throws -> [InventoryPart] {
        let parts = places.map {
            InventoryPart(
                part: Part(name: $0.part, place: .volume($0.volume, at: nil)), role: .objects,
                pathInside: $0.inside, presence: .missing)
        }
        return try await DockerSetup(docker: docker, instance: instance, volumes: volumes)
            .located(parts, on: try await docker.host())
    }

    /// Makes a volume that is not there, as it is made for the cluster.
    func makeReady(_ name: String) async throws {
        try await volumes.makeReady(name, as: labels)
    }

    private var labels: [String] {
        [
            "--label", "\(DockerLabel.instance)=\(instance.name)", "--label",
            "\(DockerLabel.id)=\(instance.config.id)",
        ]
    }

    /// Removes the volumes, with the instance.
    func remove() async throws {
        for place in places {
            guard let volume = try await docker.volume(place.volume), isOurs(volume) else { continue }
            try await docker.removeVolume(place.volume)
        }
    }

    private func isOurs(_ volume: DockerVolume) -> Bool {
        volume.labels?[DockerLabel.id] == instance.config.id
    }

    // MARK: A new cluster

    /// What a cluster is made with.
    struct Ready: Sendable {
        var token: Secret
        /// True when the volumes have the state of a cluster before this one.
        var hasState: Bool
    }

    /// Before the nodes are made: the volumes are there, their state is one that this k3s may open, and its token is known.
    func prepare() async throws -> Ready {
        var missing: [Place] = []
        for place in places {
            guard let volume = try await docker.volume(place.volume) else {
                missing.append(place)
                continue
            }
            guard isOurs(volume) else {
                throw Failure(
                    .busy, "the volume “\(place.volume)” belongs to something else",
                    cause: "it does not carry the label \(DockerLabel.id)=\(instance.config.id)",
                    remedy: "docker volume inspect \(place.volume)")
            }
        }
        let hasState = try await volumes.holdState(try await parts().filter { $0.name == Self.databasePart })
        let known = try record()
        if hasState {
            guard let known else {
                throw Failure(
                    .failed, "the token of the k3s state of “\(instance.name)” is not known",
                    cause:
                        "\(instance.folder.k3sState) is missing, and k3s does not open its state with another token",
                    remedy: "kecsctl restore \(instance.name) --from latest --part config")
            }
            try checkImage(of: "the k3s state of “\(instance.name)”", known.image)
        }
        let record = Record(image: image, token: known?.token ?? hex(machine.random(24)))
        // Before there is a state that it belongs to.
        try JSONFile.write(record, to: instance.folder.k3sState)
        for place in missing { try await docker.createVolume(place.volume, arguments: labels) }
        return Ready(token: Secret(record.token), hasState: hasState)
    }

    /// The cluster that is there must have been made with the volumes.
    func check(_ found: K3dCluster) throws {
        for place in places where !found.binds(place.volume, at: place.inside) {
            throw Failure(
                .failed, "the cluster “\(cluster)” does not keep the state of its k3s",
                cause: "it was made without the volume \(place.volume), and one cannot be added",
                remedy: "kecsctl stop \(instance.name) && kecsctl start \(instance.name)")
        }
    }

    // MARK: Limits

    /// - Throws: `Failure(.usage)` when a backup's state is not for this cluster.
    func check(_ manifest: Manifest) throws {
        if manifest.instance != "\(instance.name)" {
            throw Failure(
                .usage, "the k3s state of “\(manifest.instance)” is none for “\(instance.name)”",
                cause:
                    "its node is k3d-kecs-\(manifest.instance)-server-0 and not \(node), and the names are in it",
                remedy: "kecsctl restore \(instance.name) --from \(manifest.id) --part data")
        }
        if let image = manifest.runtime.versions[Self.imageKey] {
            try checkImage(of: "the k3s state in the backup \(manifest.id)", image)
        }
    }

    /// In a manifest's versions.
    static let imageKey = "k3s-image"

    /// The same minor version, or the same image where there is no version in its name.
    private func checkImage(of what: String, _ other: String) throws {
        guard other != image else { return }
        let minors = (Self.minor(of: other), Self.minor(of: image))
        if let old = minors.0, let new = minors.1, old == new { return }
        throw Failure(
            .usage, "\(what) is one of another k3s",
            cause:
                "it was written by \(other), and \(image) is to run; only the same minor version opens it for certain",
            remedy: "kecsctl config set k3sImage \(ShellWords.quote([other])) --instance \(instance.name)")
    }

    /// “rancher/k3s:v1.31.4-k3s1” is 1.31.
    static func minor(of image: String) -> String? {
        guard let tag = image.split(separator: ":").last, tag.hasPrefix("v"), image.contains(":") else {
            return nil
        }
        let numbers = tag.dropFirst().split(separator: ".")
        guard numbers.count >= 2, Int(numbers[0]) != nil, Int(numbers[1]) != nil else { return nil }
        return "\(numbers[0]).\(numbers[1])"
    }
}
