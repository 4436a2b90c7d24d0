// SPDX-License-Identifier: Apache-2.0
import KecsBackups
public import KecsSystem

/// Every setting that can come from a flag, the environment, a file or a default.
public enum SettingKey: String, CaseIterable, Sendable {
    case runtime
    case dataDir
    /// `PART/PATH`: the database that the server uses, where it cannot be determined by looking.
    case database
    case containerMode
    /// Docker's own variables: the engine, recorded when the instance is made.
    case dockerHost
    case dockerContext
    case dockerConfig
    case command
    case healthUrl
    /// The settings of a container: its image, its name, the owner of its data, the address of its ports.
    case image
    case container
    /// The id of an adopted container, so that it is found when it was renamed.
    case containerId
    case owner
    case address
    /// `NAME:PATH,…`: volumes, or folders by absolute path, and their paths in the container.
    case volumes
    /// Only volumes with this label (`KEY=VALUE`) are backed up.
    case volumeLabel
    /// Absolute paths, joined by colons.
    case composeFile
    /// Names joined by commas.
    case composeProfiles
    case composeService
    case composeProject
    case apiPort
    case adminPort
    /// The settings of a k3d cluster: the address of its Kubernetes API, its image and its agents.
    case kubePort
    case k3sImage
    case agents
    /// The names, with commas, of the components next to the control plane, or `none`; and the address of Traefik, if
    /// it is one of them.
    case components
    case httpPort
    case httpsPort
    /// The settings of Velero in a k3d cluster: whether it is installed with an object store on this host, the images
    /// of both, Velero's rights, whether it backs up the content of volumes, and the limit of its memory.
    case veleroBackup
    case objectStore
    case objectStoreImage
    case veleroImage
    case veleroPluginImage
    case veleroRights
    case veleroVolumes
    /// The limit of Velero's memory, in bytes; without it kecsctl's own.
    case veleroMemory
    case autoRecoverState
    case keepClustersOnShutdown
    /// Whether what k3s keeps of the cluster outlives its nodes, and is in backups.
    case k3sState
    case compression
    /// The size from which a part is stored as many archives, of which those that did not change are links.
    case segmentsFrom
    /// After what time an archive that is only linked is read again.
    case verifyAge
    /// Whether backups are encrypted, and for whom: keys with commas between them; without any a passphrase.
    case encrypt
    case recipients
    /// Whether the names of files, too, are only in what is encrypted.
    case encryptManifest
    /// Where keys come from: a file with a passphrase in its first line, a command that prints one, a file with age's keys.
    case passphraseFile
    case passphraseCommand
    case identityFile
    case consistency
    case maxPause
    case keep
    case keepWithin
    case keepDaily
    case keepWeekly
    case keepMonthly
    /// The time zone of the borders of days, weeks and months, for keepDaily and the others: the machine's own zone
    /// unless it is set.
    case timeZone
    /// `PATTERN,…`: files that may change at every reading without making a backup a lacking one.
    case ignoreChanging
    /// `PATTERN,…`: files and folders that no ordinary backup holds.
    case exclude
    /// True to leave out the content of folders tagged by CACHEDIR.TAG as well.
    case excludeCaches
    /// True to keep a link `latest` next to the backups to the newest good one.
    case latestLink
    /// True to save the images of an instance's containers beside its backups.
    case withImages
    /// The time within which a server must answer after a start.
    case startLimit
    /// Names with commas of the remotes that each backup is copied to.
    case copies
    /// How old the last drill that passed may be, for `check` and doctor; off unless it is set.
    case drillAge
    /// The limits from which doctor warns: per cent of a file system, the data's size, one database's size.
    case diskPercent
    case dataLimit
    case databaseLimit

    /// The settings for the place of an instance. For an existing one the recorded value is in effect, never a
    /// variable.
    static let places: Set<SettingKey> = [
        .dataDir, .containerMode, .dockerHost, .dockerContext, .dockerConfig, .composeFile,
    ]

    enum Form {
        case text
        case patterns
        case flag
        case port
        case count(from: Int64)
        case percent
        case size
        case duration
        case zone
        case url
        case choice([String])
    }

    var form: Form {
        switch self {
        case .runtime: .choice(RuntimeKind.allCases.map(\.rawValue))
        case .healthUrl: .url
        case .dataDir, .database, .dockerHost, .dockerContext, .dockerConfig, .command, .image, .k3sImage,
            .container,
            .containerId, .owner, .address,
            .volumes,
            .volumeLabel, .components, .ignoreChanging, .copies, .objectStoreImage, .veleroImage,
            .veleroPluginImage,
            .composeFile, .composeProfiles, .composeService, .composeProject, .recipients, .passphraseFile,
            .passphraseCommand, .identityFile:
            .text
        case .encrypt: .choice(["none"] + EncryptionMethod.allCases.map(\.rawValue))
        case .exclude: .patterns
        case .containerMode, .autoRecoverState, .keepClustersOnShutdown, .excludeCaches, .encryptManifest,
            .latestLink, .withImages,
            .veleroBackup,
            .veleroVolumes, .k3sState:
            .flag
        case .objectStore: .choice(["minio", "versitygw"])
        case .veleroRights: .choice(["scoped", "admin"])
        case .apiPort, .adminPort, .kubePort, .httpPort, .httpsPort: .port
        case .compression: .choice(["fast", "small", "none"])
        case .consistency: .choice(["auto"] + Consistency.allCases.map(\.rawValue))
        case .maxPause, .keepWithin, .startLimit, .drillAge, .verifyAge: .duration
        case .timeZone: .zone
        case .diskPercent: .percent
        case .dataLimit, .databaseLimit, .segmentsFrom, .veleroMemory: .size
        // The newest backup always stays, so that 0 would be misleading.
        case .keep: .count(from: 1)
        case .keepDaily, .keepWeekly, .keepMonthly, .agents: .count(from: 0)
        }
    }

    /// The settings of the ports that an instance has to itself on its host.
    public static let ports: [SettingKey] = allCases.filter {
        if case .port = $0.form { true } else { false }
    }

    /// The variables that set it: our own, then KECS's. The first one that is set counts.
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

    /// Returns the value of a text in the form that `expected` names, as JSON in a file would hold it; nil for an
    /// invalid text.
    public func parse(_ text: String) -> JSONValue? {
        switch form {
        case .text: text.isEmpty ? nil : .string(text)
        case .patterns: Exclusions.items(of: text) == nil ? nil : .string(text)
        case .flag:
            switch text.lowercased() {
            case "true", "1", "yes": .bool(true)
            case "false", "0", "no": .bool(false)
            default: nil
            }
        case .port: Int64(text).flatMap { (1...65_535).contains($0) ? .integer($0) : nil }
        case .count(let least):
            Int64(text).flatMap { (least...1_000_000).contains($0) ? .integer($0) : nil }
        case .percent: Int64(text).flatMap { (1...99).contains($0) ? .integer($0) : nil }
        case .size: ByteCount(text).flatMap { $0.bytes > 0 ? .integer($0.bytes) : nil }
        case .url: text == "none" || HTTPProbe.canAsk(text) ? .string(text) : nil
        case .duration: TimeSpan(text).map { .string($0.description) }
        case .zone: LocalTime(named: text).map { _ in .string(text) }
        case .choice(let words): words.contains(text) ? .string(text) : nil
        }
    }

    /// Returns the value of a setting in a file, in the same form.
    func parse(_ value: JSONValue) -> JSONValue? {
        switch value {
        case .string(let text): parse(text)
        case .integer(let number): parse(String(number))
        case .bool(let flag): parse(String(flag))
        default: nil
        }
    }

    /// All possible values, where they are a few words.
    public var words: [String] {
        switch form {
        case .flag: ["true", "false"]
        case .choice(let words): words
        default: []
        }
    }

    /// The form for messages: "must be …".
    public var expected: String {
        switch form {
        case .text: "a text that is not empty"
        case .patterns:
            "patterns of gitignore's syntax with commas between them, such as *.tmp,/cache/,data:exports/"
        case .flag: "true or false (also 1, 0, yes, no)"
        case .port: "a port from 1 to 65535"
        case .count(let least): "a whole number from \(least) to 1000000"
        case .percent: "a whole number from 1 to 99"
        case .size: "a size such as 500MB, 1GiB or 10G"
        case .url: "none, or http://HOST:PORT/PATH, where the host is localhost or a numeric address"
        case .duration: "a time such as 90s, 5m, 12h or 7d"
        case .zone: "a time zone of \(LocalTime.folder), such as Europe/Berlin"
        case .choice(let words): words.joined(separator: ", ")
        }
    }
}
