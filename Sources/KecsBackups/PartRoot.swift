// SPDX-License-Identifier: Apache-2.0
import KecsSystem
public import SystemPackage

/// The place where the tree of a part was, as a manifest names it. In JSON it is one string, which only this type reads
/// and writes.
///
/// | JSON | place |
/// |---|---|
/// | `.` | the instance's configuration, in its folder |
/// | `data` | below the instance's folder |
/// | `/srv/app` | a folder of the host |
/// | `file:/srv/app.conf` | a single file of the host |
/// | `volume:mimir_data` | a volume, by name |
public enum PartRoot: Hashable, Sendable {
    case configuration
    /// The names below the instance's folder.
    case inInstance(FilePath)
    case folder(FilePath)
    case file(FilePath)
    case volume(String)
}

extension PartRoot {
    /// True when docker named the volume, with the 64 hexadecimal digits of a random SHA-256: it exists for one
    /// container.
    public var isAnonymousVolume: Bool {
        guard case .volume(let name) = self else { return false }
        return name.utf8.count == 64
            && name.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
}

extension PartRoot: CustomStringConvertible {
    private static let filePrefix = "file:"
    private static let volumePrefix = "volume:"

    public init(_ text: String) {
        if text == "." {
            self = .configuration
        } else if text.hasPrefix(Self.filePrefix) {
            self = .file(FilePath(String(text.dropFirst(Self.filePrefix.count))))
        } else if text.hasPrefix(Self.volumePrefix) {
            self = .volume(String(text.dropFirst(Self.volumePrefix.count)))
        } else if text.hasPrefix("/") {
            self = .folder(FilePath(text))
        } else {
            self = .inInstance(FilePath(text))
        }
    }

    public var description: String {
        switch self {
        case .configuration: "."
        case .inInstance(let path), .folder(let path): path.string
        case .file(let path): Self.filePrefix + path.string
        case .volume(let name): Self.volumePrefix + name
        }
    }
}

extension PartRoot: Codable {
    public init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(String.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
