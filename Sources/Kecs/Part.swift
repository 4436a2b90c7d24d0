// SPDX-License-Identifier: Apache-2.0
public import SystemPackage

/// Something with bytes that goes into an archive and comes back.
public struct Part: Hashable, Sendable {
    /// "data", "minio", "config": also the stem of the archive's file name.
    public var name: String

    /// The part that is the object store's directory.
    public static let objectStore = "minio"

    public var place: Place

    public enum Place: Hashable, Sendable {
        /// A whole folder of this host.
        case folder(FilePath)
        /// Some entries of a folder: files and folders with just these names.
        case entries(of: FilePath, named: [String])
        /// A docker volume, by name.
        case volume(String)
    }

    public init(name: String, place: Place) {
        self.name = name
        self.place = place
    }
}
