// SPDX-License-Identifier: Apache-2.0
import KecsSystem
public import KecsStorage

/// Every setting that can come from a flag, the environment, a file or a default.
public enum SettingKey: String, CaseIterable, Sendable {
    case runtime
    case dataDir
    /// `PART/PATH`: which database the server uses, where looking cannot tell.
    case database
    case containerMode
    /// As docker's own variables say them: which engine, recorded when the instance is made.
    case dockerHost
    case dockerContext
    case dockerConfig
    case command
    case healthUrl
    /// Of a container: where it comes from, what it is called, whom its data belongs to, where its ports listen.
    case image
    case container
    case owner
    case address
    /// `NAME:PATH,…`: volumes, or folders by absolute path, and where the container has them.
    case volumes
    /// Only volumes with this label (`KEY=VALUE`) are backed up.
    case volumeLabel
    case composeFile
    case composeService
    case composeProject
    case apiPort
    case adminPort
    /// Of a k3d cluster: where its Kubernetes API listens, what it is made of.
    case kubePort
    case k3sImage
    case agents
    /// Names with commas of what stands beside the control plane, or `none`; and where Traefik, if it does, listens.
    case components
    case httpPort
    case httpsPort
    case autoRecoverState
    case keepClustersOnShutdown
    case compression
    case consistency
    case maxPause
    case keep
    case keepWithin
    case keepDaily
    case keepWeekly
    case keepMonthly

    /// Those that say where an instance is: of one that exists, what is recorded holds, never a variable.
    static let places: Set<SettingKey> = [
        .dataDir, .containerMode, .dockerHost, .dockerContext, .dockerConfig, .composeFile,
    ]

    enum Form {
        case text
        case flag
        case port
        case count
        case duration
        case choice([String])
    }

    var form: Form {
        switch self {
        case .runtime: .choice(RuntimeKind.allCases.map(\.rawValue))
        case .dataDir, .database, .dockerHost, .dockerContext, .dockerConfig, .command, .healthUrl, .image, .k3sImage, .container, .owner, .address,
            .volumes,
            .volumeLabel, .components,
            .composeFile, .composeService, .composeProject:
            .text
        case .containerMode, .autoRecoverState, .keepClustersOnShutdown: .flag
        case .apiPort, .adminPort, .kubePort, .httpPort, .httpsPort: .port
        case .compression: .choice(["fast", "small", "none"])
        case .consistency: .choice(["auto"] + Consistency.allCases.map(\.rawValue))
        case .maxPause, .keepWithin: .duration
        case .keep, .keepDaily, .keepWeekly, .keepMonthly, .agents: .count
        }
    }

    /// Those of the ports that an instance has to itself on its host.
    public static let ports: [SettingKey] = allCases.filter {
        if case .port = $0.form { true } else { false }
    }

    /// The variables that set it, the first one that is set wins: our own, then KECS's.
    public var variables: [String] {
        var own = "KECSCTL_"
        for character in rawValue {
            if character.isUppercase { own.append("_") }
            own += character.uppercased()
        }
        return switch self {
        case .dataDir: [own, "KECS_DATA_DIR"]
        case .containerMode: [own, "KECS_CONTAINER_MODE"]
        case .dockerHost: [own, "DOCKER_HOST"]
        case .dockerContext: [own, "DOCKER_CONTEXT"]
        case .dockerConfig: [own, "DOCKER_CONFIG"]
        case .autoRecoverState: [own, "KECS_AUTO_RECOVER_STATE"]
        case .keepClustersOnShutdown: [own, "KECS_KEEP_CLUSTERS_ON_SHUTDOWN"]
        default: [own]
        }
    }

    /// What a text means, in JSON as a file would hold it; nil when it means nothing. The form that `expected` names.
    public func parse(_ text: String) -> JSONValue? {
        switch form {
        case .text: text.isEmpty ? nil : .string(text)
        case .flag:
            switch text.lowercased() {
            case "true", "1", "yes": .bool(true)
            case "false", "0", "no": .bool(false)
            default: nil
            }
        case .port: Int64(text).flatMap { (1...65_535).contains($0) ? .integer($0) : nil }
        case .count: Int64(text).flatMap { (0...1_000_000).contains($0) ? .integer($0) : nil }
        case .duration: TimeSpan(text).map { .string($0.description) }
        case .choice(let words): words.contains(text) ? .string(text) : nil
        }
    }

    /// The same for a value that stands in a file.
    func parse(_ value: JSONValue) -> JSONValue? {
        switch value {
        case .string(let text): parse(text)
        case .integer(let number): parse(String(number))
        case .bool(let flag): parse(String(flag))
        default: nil
        }
    }

    /// For messages: "must be …".
    public var expected: String {
        switch form {
        case .text: "a text that is not empty"
        case .flag: "true or false (also 1, 0, yes, no)"
        case .port: "a port from 1 to 65535"
        case .count: "a whole number from 0"
        case .duration: "a time such as 90s, 5m, 12h or 7d"
        case .choice(let words): words.joined(separator: ", ")
        }
    }
}
