// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
public import KecsDoctor
public import KecsSystem
import SystemPackage

/// The answers of docker and the programs around it about this machine: asked once, at the same time, and never
/// changed.
public struct EngineFacts: Sendable {
    public var docker: Known<Bool>
    public var socket: SocketFacts?
    /// The server's version.
    public var server: Known<String>
    /// True when the engine takes calls and never answers: then it is not asked a second time.
    public var isSilent = false
    public var compose: Known<String>
    public var k3d: Known<String>
    public var kubectl: Known<String>
    public var containers: Known<[ContainerFacts]>
    public var volumes: Known<[VolumeFacts]>
    public var networks: Known<[NetworkFacts]>
    /// References of the images that are here.
    public var images: Known<Set<String>>

    public init(
        docker: Known<Bool> = .known(true), socket: SocketFacts? = nil, server: Known<String> = .unknown(""),
        compose: Known<String> = .unknown(""), k3d: Known<String> = .unknown(""),
        kubectl: Known<String> = .unknown(""),
        containers: Known<[ContainerFacts]> = .unknown(""), volumes: Known<[VolumeFacts]> = .unknown(""),
        networks: Known<[NetworkFacts]> = .unknown(""), images: Known<Set<String>> = .unknown("")
    ) {
        self.docker = docker
        self.socket = socket
        self.server = server
        self.compose = compose
        self.k3d = k3d
        self.kubectl = kubectl
        self.containers = containers
        self.volumes = volumes
        self.networks = networks
        self.images = images
    }

    /// Returns the containers that belong to the instance: by kecsctl's label, by k3d's, or because they mount its
    /// data.
    func containers(of facts: InstanceFacts) throws -> [ContainerFacts] {
        let all = try containers.get()
        let data = facts.data.value
        return all.filter { container in
            if let id = container.labels["dev.kecsctl.id"] ?? container.labels["kecsctl.instance"] {
                return id == facts.instance.config.id && container.labels["dev.kecsctl.helper"] == nil
            }
            if container.labels["k3d.cluster"] == "kecs-\(facts.name)" {
                return facts.instance.config.runtime == .k3d
            }
            if facts.instance.config.settings["container"]?.string == container.name { return true }
            if facts.instance.config.runtime == .compose,
                let project = facts.instance.config.settings["composeProject"]?.string,
                container.labels[ComposeLabel.project] == project
            {
                return true
            }
            guard let data, facts.instance.config.runtime != .local else { return false }
            return container.mounts.contains { $0.kind == "bind" && FilePath($0.source) == data }
        }
    }

    func server(of facts: InstanceFacts) throws -> ContainerFacts? {
        try containers(of: facts).first { $0.labels["k3d.role"] == "server" }
    }
}

/// A container, from `docker inspect`.
public struct ContainerFacts: Sendable, Hashable {
    public struct Mount: Sendable, Hashable {
        /// "bind", "volume"
        public var kind: String
        /// The name of a volume; 64 hex digits for one without a name of its own.
        public var name: String
        public var source: String
        public var destination: String
        public var isWritable: Bool

        var isAnonymous: Bool {
            kind == "volume" && PartRoot.volume(name).isAnonymousVolume
        }
    }

    public var name: String
    public var labels: [String: String]
    /// "created running paused restarting exited dead"
    public var status: String
    public var pid: Int64
    public var restarts: Int64
    public var wasOutOfMemory: Bool
    /// "healthy unhealthy starting"; nil without a health check.
    public var health: String?
    /// "no always unless-stopped on-failure"
    public var restartPolicy: String
    public var image: String
    /// The user as the image or the call gives it: "", "65532", "app:app", "1001:1001".
    public var user: String
    public var extraGroups: [String]
    public var mounts: [Mount]
    /// The addresses by network.
    public var addresses: [String: String]
    /// The addresses on which a port such as "6443/tcp" is published.
    public var published: [String: [String]]

    /// - Returns: Nil for JSON that is no container.
    public init?(_ json: JSONValue) {
        guard let name = json["Name"]?.string else { return nil }
        let config = json["Config"]
        let host = json["HostConfig"]
        let state = json["State"]
        func strings(_ value: JSONValue?) -> [String: String] {
            guard case .object(let fields)? = value else { return [:] }
            return fields.compactMapValues(\.string)
        }
        self.name = name.hasPrefix("/") ? String(name.dropFirst()) : name
        labels = strings(config?["Labels"])
        status = state?["Status"]?.string ?? ""
        pid = state?["Pid"]?.integer ?? 0
        restarts = json["RestartCount"]?.integer ?? 0
        wasOutOfMemory = state?["OOMKilled"] == .bool(true)
        health = state?["Health"]?["Status"]?.string
        restartPolicy = host?["RestartPolicy"]?["Name"]?.string ?? "no"
        image = config?["Image"]?.string ?? ""
        user = config?["User"]?.string ?? ""
        extraGroups = host?["GroupAdd"]?.array?.compactMap(\.string) ?? []
        mounts = (json["Mounts"]?.array ?? []).map { mount in
            Mount(
                kind: mount["Type"]?.string ?? "", name: mount["Name"]?.string ?? "",
                source: mount["Source"]?.string ?? "",
                destination: mount["Destination"]?.string ?? "", isWritable: mount["RW"] != .bool(false))
        }
        addresses = [:]
        if case .object(let networks)? = json["NetworkSettings"]?["Networks"] {
            addresses = networks.compactMapValues { $0["IPAddress"]?.string }
        }
        published = [:]
        if case .object(let ports)? = json["NetworkSettings"]?["Ports"] {
            published = ports.compactMapValues { $0.array?.compactMap { $0["HostIp"]?.string } }
        }
    }
}

public struct VolumeFacts: Sendable, Hashable {
    public var name: String
    public var labels: [String: String]

    public init(name: String, labels: [String: String]) {
        self.name = name
        self.labels = labels
    }
}

public struct NetworkFacts: Sendable, Hashable {
    public var name: String
    public var labels: [String: String]

    public init(name: String, labels: [String: String]) {
        self.name = name
        self.labels = labels
    }
}
