// SPDX-License-Identifier: Apache-2.0
import KecsSystem
public import SystemPackage

/// A runtime's report on an instance's server: the places of its parts, the paths at which it sees them, and its user.
public struct ServerSetup: Sendable {
    /// The parts, including missing ones. `Site.inventory` looks up the presence of folders; for volumes out of reach
    /// the runtime's answer counts.
    public var parts: [InventoryPart]
    /// The variables as the server gets them.
    public var variables: [String: String]
    /// The folder that the server's relative paths begin at, as the server sees it.
    public var workingFolder: FilePath?
    /// The outside folders and volumes that the server sees; nil when it sees this host's own paths.
    public var mounts: [ServerMount]?
    public var user: ServerUser?
    /// The endpoints that are really published.
    public var endpoints: [Endpoint]
    public var engineHost: EngineHost
    /// True when the server is KECS, so that it answers the ECS API; nil when that is not known.
    public var isKECS: Bool?

    public init(
        parts: [InventoryPart], variables: [String: String] = [:], workingFolder: FilePath? = nil,
        mounts: [ServerMount]? = nil, user: ServerUser? = nil, endpoints: [Endpoint] = [],
        engineHost: EngineHost = .thisMachine, isKECS: Bool? = nil
    ) {
        self.parts = parts
        self.variables = variables
        self.workingFolder = workingFolder
        self.mounts = mounts
        self.user = user
        self.endpoints = endpoints
        self.engineHost = engineHost
        self.isKECS = isKECS
    }
}

/// A folder, file or volume from outside, and its path for the server.
public struct ServerMount: Hashable, Sendable {
    public enum Source: Hashable, Sendable {
        /// A folder or a file of the engine's host.
        case host(FilePath)
        case volume(String)
    }
    public var source: Source
    public var inside: FilePath
    public var isWritable: Bool

    public init(source: Source, inside: FilePath, isWritable: Bool = true) {
        self.source = source
        self.inside = inside
        self.isWritable = isWritable
    }
}

extension ServerSetup {
    /// The place of a path that the server sees.
    enum Location: Hashable, Sendable {
        /// In a part, with the path below the part's root, empty for the root itself.
        case inPart(String, path: [UInt8])
        /// In a mount that is no part of the state.
        case outsideOfParts(FilePath)
        /// In the container's own layer, which is lost with it.
        case inContainer(FilePath)
    }

    /// - Parameter path: The path as the server writes it; a relative one begins at its working folder.
    func locate(_ path: FilePath) -> Location {
        let path = (path.isAbsolute ? path : (workingFolder ?? "/").appending(path.components))
            .lexicallyNormalized()
        guard let mounts else { return locateOnHost(path) }
        let fitting = mounts.filter { path.starts(with: $0.inside) }
        guard let mount = fitting.max(by: { $0.inside.components.count < $1.inside.components.count }) else {
            return .inContainer(path)
        }
        let rest = path.components.dropFirst(mount.inside.components.count)
        switch mount.source {
        case .host(let folder): return locateOnHost(folder.appending(rest))
        case .volume(let name):
            for part in parts {
                if case .volume(name, _) = part.part.place {
                    return .inPart(part.part.name, path: FilePath(root: nil, rest).bytes)
                }
            }
            return .outsideOfParts(path)
        }
    }

    private func locateOnHost(_ path: FilePath) -> Location {
        var best: (part: String, path: [UInt8], depth: Int)?
        for part in parts {
            let root: FilePath
            switch part.part.place {
            case .folder(let folder): root = folder
            case .volume(_, let folder?): root = folder
            case .volume(_, nil): continue
            case .entries(let folder, let named):
                // The configuration holds no database.
                guard named.contains(where: { path.starts(with: folder.appending($0)) }) else { continue }
                root = folder
            }
            guard path.starts(with: root) else { continue }
            let depth = root.components.count
            if let best, best.depth >= depth { continue }
            best = (part.part.name, FilePath(root: nil, path.components.dropFirst(depth)).bytes, depth)
        }
        return best.map { .inPart($0.part, path: $0.path) } ?? .outsideOfParts(path)
    }
}
