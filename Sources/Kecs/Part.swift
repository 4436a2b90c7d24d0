// SPDX-License-Identifier: Apache-2.0
public import SystemPackage

/// Something with bytes that goes into an archive and is restored from it.
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
        /// A volume, by name, and where its tree lies on this host; nil when it cannot be reached there.
        case volume(String, at: FilePath?)

        /// A volume that can be reached here is a folder of this host.
        var onHost: Place {
            if case .volume(_, let folder?) = self { .folder(folder) } else { self }
        }
    }

    public init(name: String, place: Place) {
        self.name = name
        self.place = place
    }

    /// The name of a volume whose bytes only its runtime can read.
    public var volumeOutOfReach: String? {
        if case .volume(let name, at: nil) = place { name } else { nil }
    }
}

extension Part {
    /// The root of its tree on this host; nil when it cannot be reached here.
    public var root: FilePath? {
        switch place {
        case .folder(let folder), .entries(let folder, _), .volume(_, let folder?): folder
        case .volume(_, nil): nil
        }
    }
}
