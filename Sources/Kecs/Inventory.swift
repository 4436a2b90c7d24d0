// SPDX-License-Identifier: Apache-2.0
import KecsSystem
public import SystemPackage

/// The places of an instance's state, as observed now: the one answer that every verb works on.
///
/// Made by `Site.inventory(of:)`. Nothing in it is guessed from a file name alone.
public struct Inventory: Sendable {
    public var parts: [InventoryPart]
    /// The databases in all parts that can be read here, recognised by content.
    public var databases: [InventoryDatabase]
    /// The database that the server uses.
    public var primary: PrimaryDatabase
    /// The user that the server runs as; nil when nothing runs or it cannot be determined.
    public var user: ServerUser?
    /// The endpoints that are really published. Without a published port there is none.
    public var endpoints: [Endpoint]
    /// The answer to whether the engine's paths are this machine's. Equal kernel releases prove nothing.
    public var engineHost: EngineHost
    /// True when the server is KECS, so that it answers the ECS API; nil when that is not known.
    public var isKECS: Bool?
    /// The outside folders and volumes that the server sees; nil when it sees this host's own paths.
    public var mounts: [ServerMount]?

    public init(
        parts: [InventoryPart], databases: [InventoryDatabase], primary: PrimaryDatabase,
        user: ServerUser? = nil, endpoints: [Endpoint] = [], engineHost: EngineHost = .thisMachine,
        isKECS: Bool? = nil, mounts: [ServerMount]? = nil
    ) {
        self.parts = parts
        self.databases = databases
        self.primary = primary
        self.user = user
        self.endpoints = endpoints
        self.engineHost = engineHost
        self.isKECS = isKECS
        self.mounts = mounts
    }
}

/// A part of the state.
public struct InventoryPart: Sendable {
    public var part: Part
    public var role: PartRole
    /// The mount point inside the container; nil where the server sees the host's own paths.
    public var pathInside: String?
    public var presence: PartPresence
    /// The size of its regular files; nil when it was not scanned.
    public var bytes: Int64?

    public init(part: Part, role: PartRole, pathInside: String? = nil, presence: PartPresence) {
        self.part = part
        self.role = role
        self.pathInside = pathInside
        self.presence = presence
    }
}

public enum PartRole: String, Sendable, Hashable, Codable {
    case data, objects, config, logs
    /// Dumps and archives of the user's own. Neither backed up nor restored unless it is named.
    case backups
}

public enum PartPresence: Sendable, Hashable {
    case present
    /// It exists and holds nothing.
    case empty
    case missing
    /// It exists, but is not readable here, with the reason.
    case unreadable(String)
}

/// A database in a part, found by its content.
public struct InventoryDatabase: Sendable, Hashable {
    /// The part's name.
    public var part: String
    /// The path below the part's root, as bytes: names on disk need not be UTF-8.
    public var path: [UInt8]
    public var engine: InventoryEngine
    /// The size of its file, or of all files in its folder; sidecars included.
    public var bytes: Int64
    /// The file's path on this host; nil when its part cannot be read in place.
    public var file: FilePath?

    public init(part: String, path: [UInt8], engine: InventoryEngine, bytes: Int64, file: FilePath?) {
        self.part = part
        self.path = path
        self.engine = engine
        self.bytes = bytes
        self.file = file
    }

    /// The name in commands and messages: `PART/PATH`.
    public var name: String { "\(part)/\(printable(path))" }
}

/// The kind of a database.
public enum InventoryEngine: Sendable, Hashable {
    case sqlite
    case duckdb
    /// A folder of another server's: "PostgreSQL".
    case folder(String)
    /// An SQLite database's sidecars exist, but its first bytes are others: it is encrypted, truncated or damaged.
    case unknown
    /// It is in a part that cannot be read here.
    case unseen
}

/// The database that the server uses.
public enum PrimaryDatabase: Sendable {
    case found(InventoryDatabase, PrimaryReason)
    /// There is more than one candidate. The verb that needs one names them all and asks for `--database PART/PATH`.
    case ambiguous([InventoryDatabase])
    /// The server's place for it is known, and nothing exists there.
    case missing(part: String, path: [UInt8], PrimaryReason)
    /// The server keeps it in a place without a mount: it is lost with the container.
    case inContainer(FilePath, PrimaryReason)
    /// There is no database, and its intended place is unknown.
    case none
    /// It could not be determined, with the reason.
    case unknown(String)
}

/// The reason why a database is the primary one, strongest first.
public enum PrimaryReason: Sendable, Hashable {
    /// `config set database PART/PATH`
    case setting
    /// The server's environment, mapped through its mounts: the variable's name.
    case variable(String)
    /// KECS's own name for it.
    case ownName
    /// The only SQLite database that is no copy of ours.
    case onlyOne
}

/// The user that a server runs as.
public struct ServerUser: Sendable, Hashable {
    public var user: UInt32
    public var group: UInt32
    /// The name; nil when the image's own passwd has none for the user.
    public var name: String?

    public init(user: UInt32, group: UInt32, name: String? = nil) {
        self.user = user
        self.group = group
        self.name = name
    }
}

public enum EngineHost: Sendable, Hashable {
    case thisMachine
    case another
    /// It could not be determined, with the reason.
    case unknown(String)
}
