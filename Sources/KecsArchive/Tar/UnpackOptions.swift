// SPDX-License-Identifier: Apache-2.0

/// The owner of unpacked files. Without root only one's own can be set; the others are counted.
public enum OwnerMapping: Hashable, Sendable {
    case asRecorded
    /// Numbers that are not in the maps stay as recorded.
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
    /// The limit of entries, from the manifest; more is hostile.
    public var maxEntries: Int
    /// The limit for all files' sizes together, holes included.
    public var maxBytes: Int64
    public var maxPathBytes: Int
    /// Selects the paths to restore. Called for every entry but the root. The folders above a selected path are
    /// restored with it.
    public var select: (@Sendable ([UInt8]) -> Bool)?
    /// True to read no more of the archive than what is selected, where it has an index. Its digest is not compared then;
    /// each block and each entry that is read is checked.
    public var readsOnlySelected = false
    public var owners: OwnerMapping
    /// True for what stays, and is synced by the caller: large files are written past the page cache, and the device is told
    /// early to write what waits for it.
    public var isKept = false
    /// The one folder that contains everything in an archive of another program. It becomes the root.
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
    /// True when there was an entry for the folder itself, which then has the recorded owner and mode.
    public internal(set) var rootIsRecorded = false
    /// The size of the restored files.
    public internal(set) var bytes: Int64 = 0
    /// The number of files and folders whose set-user-id or set-group-id bit was removed.
    public internal(set) var setIDRemoved = 0
    /// The number of owners that could not be set: without root, or on a file system without owners.
    public internal(set) var ownersNotSet = 0
    /// Attributes and ACLs that the system refused, and `security.capability`, which is never restored.
    public internal(set) var attributesNotSet = 0
    /// Hex, of the archive's file; empty for a zip and the others that are decoded first.
    public internal(set) var sha256 = ""
}
