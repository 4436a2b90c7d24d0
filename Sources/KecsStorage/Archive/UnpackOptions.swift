// SPDX-License-Identifier: Apache-2.0

/// Whose the unpacked files become. Without root only one's own can be set; the rest is counted.
public enum OwnerMapping: Hashable, Sendable {
    case asRecorded
    /// Numbers that do not occur stay as recorded.
    case map(users: [UInt32: UInt32], groups: [UInt32: UInt32])
    case all(owner: UInt32, group: UInt32)

    func owner(_ recorded: UInt32) -> UInt32 {
        switch self {
        case .asRecorded: recorded
        case .map(let users, _): users[recorded] ?? recorded
        case .all(let owner, _): owner
        }
    }

    func group(_ recorded: UInt32) -> UInt32 {
        switch self {
        case .asRecorded: recorded
        case .map(_, let groups): groups[recorded] ?? recorded
        case .all(_, let group): group
        }
    }
}

public struct UnpackOptions: Sendable {
    /// A path of 64 KiB is 250 folders deep with the longest names there can be.
    public static let defaultPathLimit = 64 << 10

    /// Hex, of the archive's file; anything else is damage. With it only archives of ours are taken, tar and tar.gz.
    public var expectedSHA256: String?
    /// From the manifest; more is hostile.
    public var maxEntries: Int
    /// Of all files' sizes together, holes included.
    public var maxBytes: Int64
    public var maxPathBytes: Int
    /// Which paths to restore, asked of every entry but the root; the folders above them come with them.
    public var select: (@Sendable ([UInt8]) -> Bool)?
    public var owners: OwnerMapping
    /// For archives of other programs: the one folder that everything is in, which becomes the root.
    public var stripTopFolder: [UInt8]?

    public init(
        expectedSHA256: String? = nil, maxEntries: Int = .max, maxBytes: Int64 = .max,
        maxPathBytes: Int = defaultPathLimit, select: (@Sendable ([UInt8]) -> Bool)? = nil,
        owners: OwnerMapping = .asRecorded, stripTopFolder: [UInt8]? = nil
    ) {
        self.expectedSHA256 = expectedSHA256
        self.maxEntries = maxEntries
        self.maxBytes = maxBytes
        self.maxPathBytes = maxPathBytes
        self.select = select
        self.owners = owners
        self.stripTopFolder = stripTopFolder
    }
}

public struct UnpackSummary: Hashable, Sendable {
    /// Members that were restored.
    public internal(set) var entries = 0
    /// Whether there was an entry for the folder itself, whose owner and mode it then has.
    public internal(set) var rootIsRecorded = false
    /// Of the files restored.
    public internal(set) var bytes: Int64 = 0
    /// Files and folders whose set-user-id or set-group-id bit was taken away.
    public internal(set) var setIDRemoved = 0
    /// Without root, or on a file system without owners.
    public internal(set) var ownersNotSet = 0
    /// Attributes and ACLs that the system refused, and `security.capability`, which is never restored.
    public internal(set) var attributesNotSet = 0
    /// Selected hard links to files that were not selected.
    public internal(set) var linksLeftOut: [[UInt8]] = []
    /// Hex, of the archive's file; empty for a zip and the others that are decoded first.
    public internal(set) var sha256 = ""
}
