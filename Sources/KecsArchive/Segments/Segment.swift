// SPDX-License-Identifier: Apache-2.0
/// One of the archives of a part that is cut into several.
public struct Segment: Hashable, Sendable {
    /// Its name in the part's folder: "0001.tar.gz".
    public var file: String
    /// The size of the archive's file.
    public var bytes: Int64
    /// The size of the regular files in it.
    public var sourceBytes: Int64
    /// The number of its members, as `checkArchive` counts them.
    public var entries: Int
    /// Hex, of the archive's file.
    public var sha256: String
    /// A digest over the metadata of the files in it; when it is the same, so are they. Empty when it proves nothing.
    public var fingerprint: String
    /// When the archive was last read back, in seconds since 1970.
    public var readAt: Int64
    /// The archive before it was encrypted; nil for a plain one. `bytes` and `sha256` are those of the encrypted file then.
    public var plain: Plain?
    /// The path of the first entry, raw. The paths of its entries lie between this one and the next segment's.
    public var first: [UInt8]

    public struct Plain: Hashable, Sendable {
        public var bytes: Int64
        /// Hex.
        public var sha256: String

        public init(bytes: Int64, sha256: String) {
            self.bytes = bytes
            self.sha256 = sha256
        }
    }

    public init(
        file: String, bytes: Int64, sourceBytes: Int64, entries: Int, sha256: String, fingerprint: String,
        readAt: Int64, first: [UInt8]
    ) {
        self.file = file
        self.bytes = bytes
        self.sourceBytes = sourceBytes
        self.entries = entries
        self.sha256 = sha256
        self.fingerprint = fingerprint
        self.readAt = readAt
        self.first = first
    }
}
