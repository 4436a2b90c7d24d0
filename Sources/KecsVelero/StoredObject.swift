// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// An object of a store as it is on disk.
public struct StoredObject: Sendable {
    public enum Layout: String, Hashable, Sendable, Encodable {
        /// MinIO's on a single drive: a folder with `xl.meta`.
        case minio
        /// versitygw's: a file.
        case plain
    }

    /// Why its bytes are not those that were uploaded.
    public enum Seal: Hashable, Sendable {
        case encrypted
        /// With the server's name for the method.
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
    /// Of the data on disk, checksums left out: what was uploaded, unless it is sealed.
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

    /// Whether each of its bytes is covered by a checksum of the store.
    public var hasChecksum: Bool {
        layout == .minio || (MD5.isAvailable && etag.map { MD5.isDigest($0) } == true)
    }
}

/// What is under a name of a store.
public enum ObjectLookup: Sendable {
    case absent
    /// It was there: its newest version is a delete marker.
    case deleted
    case found(StoredObject)

    public var object: StoredObject? {
        if case .found(let object) = self { object } else { nil }
    }
}
