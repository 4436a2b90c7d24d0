// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// A container as a person would have written it down: its own settings, without the defaults of its image.
struct RunningService: Hashable, Sendable {
    struct Variable: Hashable, Sendable {
        var name: String
        var value: String
        var isSecret: Bool
    }

    struct Mount: Hashable, Sendable {
        var type: String
        /// A folder of the host, or a volume's name.
        var source: String
        var target: String
        var isWritable: Bool
    }

    struct Health: Hashable, Sendable {
        var test: [String]
        /// The times as compose and docker write them: "interval": "30s".
        var times: [(name: String, value: String)]
        var retries: Int64?

        static func == (one: Health, other: Health) -> Bool {
            one.test == other.test && one.retries == other.retries
                && one.times.map { "\($0)" } == other.times.map { "\($0)" }
        }
        func hash(into hasher: inout Hasher) { hasher.combine(test) }
    }

    /// The name below `services`.
    var name: String
    var containerName: String
    var project: String?
    /// The number of its containers.
    var count = 1
    var image: String
    /// The former tag; set when it names another image by now: then `image` is an id.
    var formerTag: String?
    var entrypoint: [String]?
    var command: [String]?
    /// The program that runs in it, from whichever source.
    var program: [String]
    var user: String
    var workingFolder: String
    var variables: [Variable] = []
    var labels: [String: String] = [:]
    /// "127.0.0.1:8080:80/tcp"
    var ports: [String] = []
    var mounts: [Mount] = []
    var memoryFolders: [String: String] = [:]
    var health: Health?
    var restart: String
    var stopSignal: String?
    var stopTimeout: Int64?
    /// "host", "none", "bridge", "container:…"; nil: `networks`.
    var networkMode: String?
    /// The networks by name, with the container's names in each.
    var networks: [String: [String]] = [:]
    var dependsOn: [ComposeProject.Dependency] = []
    /// Options that are lists of texts, by compose's name: "cap_add", "group_add".
    var lists: [(name: String, flag: String, values: [String])] = []
    /// The options without a value: "privileged", "read_only".
    var switches: [(name: String, flag: String)] = []
    /// Options with one value: "hostname", "mem_limit".
    var values: [(name: String, flag: String, value: String)] = []

    static func == (one: RunningService, other: RunningService) -> Bool {
        one.containerName == other.containerName && one.image == other.image
    }
    func hash(into hasher: inout Hasher) { hasher.combine(containerName) }

    /// - Parameters:
    ///   - facts: The output of `docker container inspect`.
    ///   - image: The same for the image that it was made from; nil when that is gone.
    ///   - tagged: The id of the image that its image's name stands for now.
    init(_ facts: JSONValue, image: JSONValue?, tagged: String?) {
        let config = facts["Config"] ?? .null
        let own = image?["Config"] ?? .null
        let host = facts["HostConfig"] ?? .null
        containerName = String((facts["Name"]?.string ?? "").drop { $0 == "/" })
        labels = Self.pairs(config["Labels"])
        project = labels[ComposeLabel.project]
        name = labels[ComposeLabel.service] ?? containerName
        let id = facts["Image"]?.string ?? ""
        let reference = config["Image"]?.string ?? id
        self.image = tagged == nil || tagged == id ? reference : id
        formerTag = tagged == nil || tagged == id ? nil : reference
        user = config["User"]?.string ?? ""
        if user == own["User"]?.string ?? "" { user = "" }
        workingFolder = config["WorkingDir"]?.string ?? ""
        if workingFolder == own["WorkingDir"]?.string ?? "" { workingFolder = "" }
        program = Self.texts(config["Entrypoint"]) + Self.texts(config["Cmd"])
        if config["Entrypoint"] != own["Entrypoint"] { entrypoint = Self.texts(config["Entrypoint"]) }
        if config["Cmd"] != own["Cmd"] { command = Self.texts(config["Cmd"]) }
        for (key, value) in Self.pairs(own["Labels"]) where labels[key] == value { labels[key] = nil }
        labels = labels.filter { !$0.key.hasPrefix("com.docker.compose.") }
        let known = Set(Self.texts(own["Env"]))
        variables = Self.texts(config["Env"]).filter { !known.contains($0) }.map { text in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
                String.init)
            let value = parts.count == 2 ? parts[1] : ""
            return Variable(
                name: parts[0], value: value, isSecret: Self.isSecret(parts[0], value))
        }
        restart = host["RestartPolicy"]?["Name"]?.string ?? "no"
        if restart == "on-failure", let most = host["RestartPolicy"]?["MaximumRetryCount"]?.number, most > 0 {
            restart += ":\(most)"
        }
        stopSignal = config["StopSignal"]?.string
        if stopSignal == own["StopSignal"]?.string || stopSignal == "SIGTERM" { stopSignal = nil }
        stopTimeout = config["StopTimeout"]?.number
        if let check = config["Healthcheck"], check != own["Healthcheck"] { health = Self.health(check) }
        ports = Self.ports(host, facts["NetworkSettings"])
        mounts = Self.mounts(facts)
        memoryFolders = Self.pairs(host["Tmpfs"])
        readNetworks(facts, host)
        readOptions(facts, config, host)
    }

    // MARK: Reading

    private static func texts(_ value: JSONValue?) -> [String] { (value?.array ?? []).compactMap(\.string) }

    private static func pairs(_ value: JSONValue?) -> [String: String] {
        guard case .object(let fields)? = value else { return [:] }
        return fields.compactMapValues(\.string)
    }

    /// Returns true when its name sounds like a secret, or an address in it has a password.
    static func isSecret(_ name: String, _ value: String) -> Bool {
        let name = name.uppercased()
        let words = [
            "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "CREDENTIAL", "APIKEY", "API_KEY",
            "ACCESS_KEY",
            "PRIVATE_KEY", "ENCRYPTION_KEY", "SIGNING_KEY",
        ]
        if words.contains(where: name.contains) || name.hasSuffix("_KEY") || name.hasSuffix("_PASS") {
            return !value.isEmpty
        }
        guard let scheme = value.range(of: "://") else { return false }
        let authority = value[scheme.upperBound...].prefix { !"/?#".contains($0) }
        guard let at = authority.lastIndex(of: "@") else { return false }
        return authority[..<at].contains(":")
    }

    private static func health(_ check: JSONValue) -> Health {
        let names = [
            ("interval", "Interval"), ("timeout", "Timeout"), ("start_period", "StartPeriod"),
        ]
        return Health(
            test: texts(check["Test"]),
            times: names.compactMap { name, field in
                guard let nanoseconds = check[field]?.number, nanoseconds > 0 else { return nil }
                return (name, "\(nanoseconds / 1_000_000)ms")
            }, retries: check["Retries"]?.number.flatMap { $0 > 0 ? $0 : nil })
    }

    private static func ports(_ host: JSONValue, _ network: JSONValue?) -> [String] {
        guard case .object(let bindings)? = host["PortBindings"] else { return [] }
        return bindings.sorted { $0.key < $1.key }.flatMap { inner, list in
            (list.array ?? []).enumerated().compactMap { index, binding -> String? in
                let now = network?["Ports"]?[inner]?.array ?? []
                var port = binding["HostPort"]?.string ?? ""
                // What docker chose.
                if port.isEmpty || port == "0" {
                    port = index < now.count ? now[index]["HostPort"]?.string ?? "" : ""
                }
                let address = binding["HostIp"]?.string ?? ""
                let shown = address.contains(":") ? "[\(address)]" : address
                return (shown.isEmpty ? "" : shown + ":") + (port.isEmpty ? "" : port + ":") + inner
            }
        }
    }

    private static func mounts(_ facts: JSONValue) -> [Mount] {
        (facts["Mounts"]?.array ?? []).compactMap { mount -> Mount? in
            guard let type = mount["Type"]?.string, type == "bind" || type == "volume",
                let target = mount["Destination"]?.string,
                let source = type == "bind" ? mount["Source"]?.string : mount["Name"]?.string
            else { return nil }
            return Mount(type: type, source: source, target: target, isWritable: mount["RW"] != .bool(false))
        }
        .sorted { $0.target < $1.target }
    }

    private mutating func readNetworks(_ facts: JSONValue, _ host: JSONValue) {
        let mode = host["NetworkMode"]?.string ?? "default"
        if ["default", "bridge", "host", "none"].contains(mode) || mode.hasPrefix("container:") {
            networkMode = mode == "default" ? "bridge" : mode
            return
        }
        guard case .object(let all)? = facts["NetworkSettings"]?["Networks"] else { return }
        let id = facts["Id"]?.string ?? ""
        for (network, settings) in all {
            networks[network] = Self.texts(settings["Aliases"])
                .filter { !id.hasPrefix($0) && $0 != name && $0 != containerName }
        }
    }

    private mutating func readOptions(_ facts: JSONValue, _ config: JSONValue, _ host: JSONValue) {
        for (name, flag, field) in [
            ("group_add", "--group-add", "GroupAdd"), ("cap_add", "--cap-add", "CapAdd"),
            ("cap_drop", "--cap-drop", "CapDrop"), ("extra_hosts", "--add-host", "ExtraHosts"),
            ("dns", "--dns", "Dns"), ("security_opt", "--security-opt", "SecurityOpt"),
        ] {
            let values = Self.texts(host[field])
            if !values.isEmpty { lists.append((name, flag, values)) }
        }
        let devices = (host["Devices"]?.array ?? []).compactMap { device -> String? in
            guard let outside = device["PathOnHost"]?.string, let inside = device["PathInContainer"]?.string
            else { return nil }
            return "\(outside):\(inside):\(device["CgroupPermissions"]?.string ?? "rwm")"
        }
        if !devices.isEmpty { lists.append(("devices", "--device", devices)) }
        for (name, flag, value) in [
            ("privileged", "--privileged", host["Privileged"]),
            ("read_only", "--read-only", host["ReadonlyRootfs"]),
            ("init", "--init", host["Init"]), ("tty", "--tty", config["Tty"]),
            ("stdin_open", "--interactive", config["OpenStdin"]),
        ] where value == .bool(true) { switches.append((name, flag)) }
        // Docker takes the first digits of its id by default.
        let hostname = config["Hostname"]?.string ?? ""
        if !hostname.isEmpty, facts["Id"]?.string?.hasPrefix(hostname) != true, networkMode != "host" {
            values.append(("hostname", "--hostname", hostname))
        }
        if let bytes = host["Memory"]?.number, bytes > 0 {
            values.append(("mem_limit", "--memory", "\(bytes)"))
        }
        if let bytes = host["ShmSize"]?.number, bytes > 0, bytes != 67_108_864 {
            values.append(("shm_size", "--shm-size", "\(bytes)"))
        }
        if let billionths = host["NanoCpus"]?.number, billionths > 0 {
            values.append(("cpus", "--cpus", "\(Double(billionths) / 1e9)"))
        }
        for (name, flag, field) in [("pid", "--pid", "PidMode")] {
            if let mode = host[field]?.string, mode == "host" { values.append((name, flag, mode)) }
        }
    }
}

extension JSONValue {
    fileprivate var number: Int64? { if case .integer(let number) = self { number } else { nil } }
}

extension String {
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
