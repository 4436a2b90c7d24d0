// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// A compose project as `config` prints it, v1's short forms and v2's long ones alike, reduced to the fields that
/// matter here.
struct ComposeProject: Hashable, Sendable {
    struct Service: Hashable, Sendable {
        var name: String
        var image: String?
        /// The user, such as "1001:1001"; a name counts as none.
        var user: String?
        var dependsOn: [Dependency] = []
        /// The profiles; without any it always runs.
        var profiles: [String] = []
        var environment: [String: String] = [:]
        var mounts: [Mount] = []
        var ports: [Port] = []
    }

    struct Dependency: Hashable, Sendable {
        enum Condition: String, Sendable {
            case started = "service_started"
            case healthy = "service_healthy"
            case completed = "service_completed_successfully"
        }
        var service: String
        var condition: Condition
    }

    struct Mount: Hashable, Sendable {
        enum Source: Hashable, Sendable {
            case folder(FilePath)
            /// The key below `volumes`, not yet the volume's name.
            case volume(String)
        }
        var source: Source
        var target: String
    }

    struct Port: Hashable, Sendable {
        var address: String
        var published: UInt16
        var target: Int
    }

    struct Volume: Hashable, Sendable {
        /// The name in docker.
        var name: String
        var labels: [String: String]
        var driver: String?
        var options: [String: String] = [:]
        /// True when compose must not make it.
        var isExternal = false
    }

    var name: String
    var services: [Service]
    var volumes: [String: Volume]

    /// - Parameter fallback: The project's name where the document has none, as v1's has not.
    init(_ document: JSONValue, named fallback: String) {
        name = document["name"]?.string ?? fallback
        volumes = [:]
        if case .object(let all)? = document["volumes"] {
            for (key, value) in all {
                // v1 prints an external volume's name in `external` when its file is old.
                let given = value["name"]?.string ?? value["external"]?["name"]?.string
                let isExternal = value["external"] == .bool(true) || value["external"]?["name"] != nil
                volumes[key] = Volume(
                    name: given ?? (isExternal ? key : "\(name)_\(key)"),
                    labels: Self.pairs(value["labels"]), driver: value["driver"]?.string,
                    options: Self.pairs(value["driver_opts"]), isExternal: isExternal)
            }
        }
        services = []
        if case .object(let all)? = document["services"] {
            services = all.sorted { $0.key < $1.key }.map { Self.service($0.key, $0.value) }
        }
    }

    private static func service(_ name: String, _ value: JSONValue) -> Service {
        var service = Service(name: name, image: value["image"]?.string, user: value["user"]?.words)
        if case .object(let all)? = value["depends_on"] {
            service.dependsOn = all.sorted { $0.key < $1.key }.map { name, value in
                let condition = value["condition"]?.string.flatMap { Dependency.Condition(rawValue: $0) }
                return Dependency(service: name, condition: condition ?? .started)
            }
        }
        let others =
            (value["depends_on"]?.array ?? []).compactMap(\.string)
            + (value["links"]?.array ?? []).compactMap {
                $0.string?.split(separator: ":").first.map(String.init)
            }
        service.dependsOn += others.map { Dependency(service: $0, condition: .started) }
        service.profiles = (value["profiles"]?.array ?? []).compactMap(\.string)
        service.environment = pairs(value["environment"])
        service.mounts = (value["volumes"]?.array ?? []).compactMap(mount)
        service.ports = (value["ports"]?.array ?? []).compactMap(port)
        return service
    }

    private static func mount(_ value: JSONValue) -> Mount? {
        var source: String?
        var target: String?
        if let text = value.string {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            // A path alone is an anonymous volume, which has no name to find it by.
            guard parts.count >= 2 else { return nil }
            (source, target) = (parts[0], parts[1])
        } else {
            guard ["bind", "volume"].contains(value["type"]?.string) else { return nil }
            (source, target) = (value["source"]?.string, value["target"]?.string)
        }
        guard let source, let target else { return nil }
        return Mount(
            source: source.hasPrefix("/") ? .folder(FilePath(source)) : .volume(source), target: target)
    }

    private static func port(_ value: JSONValue) -> Port? {
        if var text = value.string.map({ $0[...] }) {
            text = text.prefix { $0 != "/" }
            guard let last = text.lastIndex(of: ":"), let target = Int(text[text.index(after: last)...])
            else {
                return nil
            }
            text = text[..<last]
            let published = text.lastIndex(of: ":").map { text[text.index(after: $0)...] } ?? text
            let address = text.lastIndex(of: ":").map { String(text[..<$0]) } ?? ""
            // A range, or none: docker chooses.
            return UInt16(published).map { Port(address: address, published: $0, target: target) }
        }
        guard let published = value["published"]?.words.flatMap({ UInt16($0) }),
            let target = value["target"]?.words.flatMap({ Int($0) })
        else { return nil }
        return Port(address: value["host_ip"]?.string ?? "", published: published, target: target)
    }

    /// `KEY: value` or `- KEY=value`.
    private static func pairs(_ value: JSONValue?) -> [String: String] {
        var pairs: [String: String] = [:]
        if case .object(let fields)? = value {
            for (key, value) in fields { pairs[key] = value.words ?? "" }
        }
        for text in (value?.array ?? []).compactMap(\.string) {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            pairs[String(parts[0])] = parts.count == 2 ? String(parts[1]) : ""
        }
        return pairs
    }

    /// Returns the services that run with these profiles.
    func active(_ profiles: [String]) -> [Service] {
        services.filter { service in
            service.profiles.isEmpty
                || service.profiles.contains { profiles.contains($0) || profiles.contains("*") }
        }
    }

    /// The mounts of all services as docker will make them, each source once.
    func dockerMounts(of services: [Service]? = nil) -> [DockerContainer.Mount] {
        var mounts: [DockerContainer.Mount] = []
        for mount in (services ?? self.services).flatMap(\.mounts) {
            switch mount.source {
            case .folder(let path):
                mounts.append(.init(type: "bind", name: nil, source: path.string, destination: mount.target))
            case .volume(let key):
                let name = volumes[key]?.name ?? "\(self.name)_\(key)"
                mounts.append(.init(type: "volume", name: name, source: "", destination: mount.target))
            }
        }
        return mounts
    }
}

extension DockerContainer.Mount {
    init(type: String, name: String?, source: String, destination: String) {
        self.type = type
        self.name = name
        self.source = source
        self.destination = destination
        isWritable = true
    }
}

extension JSONValue {
    /// The value as a text, whatever type YAML gave it.
    fileprivate var words: String? {
        switch self {
        case .string(let text): text
        case .integer(let number): String(number)
        case .bool(let flag): String(flag)
        default: nil
        }
    }
}
