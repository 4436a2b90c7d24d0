// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem

/// The labels that mark our own things.
enum DockerLabel {
    /// The instance's name.
    static let instance = "dev.kecsctl.instance"
    /// The instance's UUID: another home may have an instance of the same name.
    static let id = "dev.kecsctl.id"
    /// A digest of the settings that the container was created from. It shows when the container must be recreated.
    static let spec = "dev.kecsctl.spec"
    /// The instance's UUID, on a container that only lends its mounts for a copy.
    static let helper = "dev.kecsctl.helper"
}

/// The fields of `docker container inspect` that matter here.
struct DockerContainer: Decodable, Hashable, Sendable {
    struct State: Decodable, Hashable, Sendable {
        /// "created", "running", "paused", "restarting", "removing", "exited", "dead"
        var status: String
        var pid: Int
        var exitCode: Int
        var error: String
        var health: Health?
        /// The time of its end; nil before: the engine reports year 1 then.
        var finishedAt: Moment?
        /// The time as the engine spells it: another text, another start.
        var startedAt: String

        struct Health: Decodable, Hashable, Sendable {
            /// "starting", "healthy", "unhealthy", "none"
            var status: String
            private enum CodingKeys: String, CodingKey { case status = "Status" }
        }

        private enum CodingKeys: String, CodingKey {
            case status = "Status"
            case pid = "Pid"
            case exitCode = "ExitCode"
            case error = "Error"
            case health = "Health"
            case finishedAt = "FinishedAt"
            case startedAt = "StartedAt"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            status = try container.decode(String.self, forKey: .status)
            pid = try container.decode(Int.self, forKey: .pid)
            exitCode = try container.decode(Int.self, forKey: .exitCode)
            error = try container.decode(String.self, forKey: .error)
            health = try container.decodeIfPresent(Health.self, forKey: .health)
            finishedAt = try container.decodeIfPresent(String.self, forKey: .finishedAt).flatMap {
                Moment($0)
            }
            .flatMap { $0.seconds > 0 ? $0 : nil }
            startedAt = try container.decodeIfPresent(String.self, forKey: .startedAt) ?? ""
        }
    }

    struct Mount: Decodable, Hashable, Sendable {
        /// "bind", "volume", "tmpfs" …
        var type: String
        /// The name of a volume.
        var name: String?
        /// The path on the host.
        var source: String
        var destination: String
        var isWritable: Bool

        /// True for a volume without a name: docker made one, 64 hexadecimal digits.
        var isAnonymous: Bool {
            type == "volume" && PartRoot.volume(name ?? "").isAnonymousVolume
        }

        private enum CodingKeys: String, CodingKey {
            case type = "Type"
            case name = "Name"
            case source = "Source"
            case destination = "Destination"
            case isWritable = "RW"
        }
    }

    struct Binding: Decodable, Hashable, Sendable {
        var address: String
        var port: String

        private enum CodingKeys: String, CodingKey {
            case address = "HostIp"
            case port = "HostPort"
        }
    }

    var id: String
    var name: String
    /// The id of its image, not the name.
    var image: String
    var state: State
    var labels: [String: String]
    var variables: [String: String]
    var mounts: [Mount]
    /// The ports: "8080/tcp" → the address at which it is, or will be, published.
    var ports: [String: [Binding]]
    /// The ports as they are published now, including those that docker chose. Empty for a container that does not run.
    var published: [String: [Binding]]
    /// "no", "always", "unless-stopped", "on-failure"
    var restartPolicy: String
    /// The user as given: "", "1001", "app:staff"; the image's own where the container was given none.
    var user: String
    var workingFolder: String
    /// The image's name at the creation of the container.
    var imageName: String
    /// True when docker removes it, and its anonymous volumes, as soon as it ends (`docker run --rm`).
    var isRemovedAtItsEnd: Bool
    /// The paths of its folders in memory, which are gone when it ends.
    var memoryFolders: [String]
    /// The time that it may take to end; nil: docker's own 10 s.
    var stopTimeout: Int?

    private enum CodingKeys: String, CodingKey {
        case id = "Id"
        case name = "Name"
        case image = "Image"
        case state = "State"
        case config = "Config"
        case mounts = "Mounts"
        case host = "HostConfig"
        case network = "NetworkSettings"
    }
    private struct Config: Decodable {
        var labels: [String: String]?
        var variables: [String]?
        var user: String?
        var workingFolder: String?
        var image: String?
        var stopTimeout: Int?
        private enum CodingKeys: String, CodingKey {
            case labels = "Labels"
            case variables = "Env"
            case user = "User"
            case workingFolder = "WorkingDir"
            case image = "Image"
            case stopTimeout = "StopTimeout"
        }
    }
    private struct HostConfig: Decodable {
        var ports: [String: [Binding]?]?
        var restartPolicy: RestartPolicy?
        var isRemovedAtItsEnd: Bool?
        var memoryFolders: [String: String]?
        private enum CodingKeys: String, CodingKey {
            case ports = "PortBindings"
            case restartPolicy = "RestartPolicy"
            case isRemovedAtItsEnd = "AutoRemove"
            case memoryFolders = "Tmpfs"
        }
    }
    private struct Network: Decodable {
        var ports: [String: [Binding]?]?
        private enum CodingKeys: String, CodingKey { case ports = "Ports" }
    }
    private struct RestartPolicy: Decodable {
        var name: String
        private enum CodingKeys: String, CodingKey { case name = "Name" }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decode(String.self, forKey: .id)
        let path = try container.decode(String.self, forKey: .name)
        name = path.hasPrefix("/") ? String(path.dropFirst()) : path
        image = try container.decode(String.self, forKey: .image)
        state = try container.decode(State.self, forKey: .state)
        mounts = try container.decodeIfPresent([Mount].self, forKey: .mounts) ?? []
        let config = try container.decode(Config.self, forKey: .config)
        labels = config.labels ?? [:]
        user = config.user ?? ""
        workingFolder = config.workingFolder ?? ""
        imageName = config.image ?? ""
        variables = Self.variables(of: config.variables ?? [])
        let host = try container.decode(HostConfig.self, forKey: .host)
        ports = (host.ports ?? [:]).compactMapValues { $0 }
        restartPolicy = host.restartPolicy?.name ?? "no"
        let network = try container.decodeIfPresent(Network.self, forKey: .network)
        published = (network?.ports ?? [:]).compactMapValues { $0 }
        isRemovedAtItsEnd = host.isRemovedAtItsEnd ?? false
        memoryFolders =
            (host.memoryFolders ?? [:]).keys.sorted()
            + mounts.filter { $0.type == "tmpfs" }.map(\.destination).sorted()
        stopTimeout = config.stopTimeout
    }

    /// `NAME=VALUE`
    static func variables(of lines: [String]) -> [String: String] {
        var variables: [String: String] = [:]
        for line in lines {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            variables[String(parts[0])] = parts.count == 2 ? String(parts[1]) : ""
        }
        return variables
    }

    var isPaused: Bool { state.status == "paused" }
    /// True when its processes run, are paused, or will be restarted by the engine at any moment.
    var isUp: Bool { ["running", "paused", "restarting"].contains(state.status) }

    /// The port of this host that leads to one of the container.
    func hostPort(of port: Int) -> UInt16? {
        let bindings = (ports["\(port)/tcp"] ?? []) + (published["\(port)/tcp"] ?? [])
        return bindings.lazy.compactMap { UInt16($0.port) }.first { $0 > 0 }
    }

    /// Returns why stopping it would lose something that no start restores; nil when it would not.
    ///
    /// - Parameter dataFolder: The server's data folder, inside the container.
    func lossWhenStopped(dataFolder: String) -> String? {
        if isRemovedAtItsEnd {
            let volumes = mounts.filter(\.isAnonymous).map(\.destination)
            return "docker removes it when it ends (it was started with --rm)"
                + (volumes.isEmpty ? "" : ", and its volume at \(volumes.joined(separator: ", ")) with it")
        }
        let holder = mount(holding: dataFolder)?.mount
        guard
            let folder = memoryFolders.filter({ dataFolder == $0 || dataFolder.hasPrefix($0 + "/") })
                .max(by: { $0.count < $1.count }),
            holder.map({ $0.type == "tmpfs" || $0.destination.count < folder.count }) ?? true
        else { return nil }
        return "its data is in memory (a tmpfs at \(folder)), which is emptied when it ends"
    }

    /// The mount that holds a path inside, and the path's rest below it.
    func mount(holding path: String) -> (mount: Mount, rest: String)? {
        let fitting = mounts.filter { path == $0.destination || path.hasPrefix($0.destination + "/") }
        guard let mount = fitting.max(by: { $0.destination.count < $1.destination.count }) else { return nil }
        return (mount, String(path.dropFirst(mount.destination.count).drop { $0 == "/" }))
    }
}
