// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// An object of a store as it is on disk.
public struct StoredObject: Sendable {
    public enum Layout: String, Hashable, Sendable, Encodable {
        /// MinIO's layout on a single drive: a folder with `xl.meta`.
        case minio
        /// versitygw's layout: a file.
        case plain
    }

    /// The reason why its bytes are not those that were uploaded.
    public enum Seal: Hashable, Sendable {
        case encrypted
        /// Compressed, with the server's name for the method.
        case compressed(String)
        /// Moved to another store by a rule of the bucket.
        case elsewhere

        public var sentence: String {
            switch self {
            case .encrypted:
                "it is encrypted by the object store, and only the store with its key can read it"
            case .compressed(let method):
                "it is compressed by the object store (\(method)), which kecsctl cannot read"
            case .elsewhere: "its data were moved to another object store"
            }
        }
    }

    /// Its path below the data folder: the bucket, a slash, the key.
    public let path: String
    /// The size of the data on disk, checksums left out. It equals the uploaded size, unless the object is sealed.
    public let size: Int64
    public let modified: Moment
    public let layout: Layout
    public let etag: String?
    public let seal: Seal?
    let content: Content

    enum Content: Sendable {
        /// Blocks with their checksums, in `xl.meta` itself.
        case inline([UInt8], blockSize: Int64)
        /// Files `part.N` of such blocks in that folder.
        case parts([ObjectVersion.Part], folder: String, blockSize: Int64)
        case file
    }

    /// True when each of its bytes is covered by a checksum of the store.
    public var hasChecksum: Bool {
        layout == .minio || (MD5.isAvailable && etag.map { MD5.isDigest($0) } == true)
    }
}

/// The result of a lookup in a store.
public enum ObjectLookup: Sendable {
    case absent
    /// The object was deleted: its newest version is a delete marker.
    case deleted
    case found(StoredObject)

    public var object: StoredObject? {
        if case .found(let object) = self { object } else { nil }
    }
}
