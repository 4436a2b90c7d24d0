// SPDX-License-Identifier: Apache-2.0

/// The way in which an instance's processes are run. `config.json` has its name.
public enum RuntimeKind: String, Codable, Sendable, CaseIterable {
    case k3d, docker, compose, local
}

/// What the kind alone says of an instance, before there is anything of it that could be asked. `Runtime` has the rest.
/// A new kind gets its answers here; nothing else in this module tells the kinds apart.
extension RuntimeKind {
    /// The kind of a new instance when none is chosen, as upstream's `kecs start` has it.
    static let standard = RuntimeKind.k3d
    /// The kind that reaches an engine's volumes for instances that run without them.
    static let ofVolumes = RuntimeKind.docker

    /// True when the instance has a cluster of its own: for recoveries, for backups of the cluster's objects.
    public var hasCluster: Bool { self == .k3d }
    /// True when the server is a process of this host like any other.
    public var runsOnHost: Bool { self == .local }
    /// True when the server keeps its data in the instance's own folder unless it is configured otherwise. The others may
    /// have it in a volume.
    public var keepsDataInFolder: Bool { self == .local || self == .k3d }
    /// True when its containers bear names that another instance of the same engine may bear too.
    var hasContainersByName: Bool { self == .docker || self == .compose }
    /// True when files that are not kecsctl's say where the server has its data and which ports it publishes.
    var isDescribedElsewhere: Bool { self == .compose }
    /// True when a second server can be started beside it, for a drill.
    var canBeRehearsed: Bool { self == .local || self == .docker }
    /// True when an engine's address, context and folder are part of the instance's place.
    var hasEngine: Bool { self != .local }

    /// The ports of the first instance: KECS's own defaults (`kecs start`); in containers those of the container-mode
    /// guide.
    var firstPorts: (api: Int, admin: Int) {
        switch self {
        case .k3d, .local: (5373, 5374)
        case .docker, .compose: (8080, 8081)
        }
    }

    /// The settings that record which server the instance has, the surest first, each with the words for its value.
    var identities: [(key: SettingKey, words: @Sendable (String) -> String)] {
        switch self {
        case .compose: [(.composeProject, { "the compose project “\($0)”" })]
        case .docker:
            [
                (.container, { "the container “\($0)”" }),
                (.containerId, { "the container \($0.prefix(12))" }),
            ]
        case .k3d, .local: []
        }
    }
}

extension [RuntimeKind] {
    /// The names for a sentence: "docker and local".
    var list: String { map(\.rawValue).joined(separator: " and ") }
}
