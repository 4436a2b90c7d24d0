// SPDX-License-Identifier: Apache-2.0
import KecsSystem
public import SystemPackage

extension Manifest {
    /// The file that says what this manifest hides: a manifest as it would be otherwise, encrypted.
    public struct Details: Codable, Hashable, Sendable {
        /// `manifest.full.json.gpg` or `.age`.
        public var file: String
        public var bytes: Int64
        /// In lower-case hex.
        public var sha256: String
        public var encryption: String
        public var recipients: [String]
        public var plain: Plain
        /// True when this manifest has been completed from it. In no file.
        public var isOpen: Bool?

        public init(
            file: String, bytes: Int64, sha256: String, encryption: String, recipients: [String], plain: Plain
        ) {
            self.file = file
            self.bytes = bytes
            self.sha256 = sha256
            self.encryption = encryption
            self.recipients = recipients
            self.plain = plain
        }
    }

    /// True when names of files, databases and rows are not known here.
    public var hidesNames: Bool { details != nil && details?.isOpen != true }

    /// The manifest without any name of a file: databases, warnings, patterns, places. That something is lacking stays.
    public func hidingNames(_ details: Details) -> Manifest {
        var manifest = self
        manifest.format = Self.hidingFormat
        manifest.details = details
        manifest.remarks = nil
        manifest.acceptedLosses = acceptedLosses?.filter { !$0.contains("/") }
        manifest.lacks = lacks?.map {
            var lack = $0
            lack.path = nil
            lack.detail = "lacks something; \(details.file) says what"
            return lack
        }
        for index in parts.indices {
            manifest.parts[index].databases = []
            manifest.parts[index].warnings = []
            manifest.parts[index].torn = nil
            manifest.parts[index].excluded = nil
            manifest.parts[index].pathInside = nil
            // Where it was, a restore with the key knows.
            if case .volume = parts[index].root { continue }
            manifest.parts[index].root = .inInstance(FilePath(parts[index].name))
        }
        return manifest
    }

    /// The manifest that a file of details holds.
    ///
    /// - Throws: `BackupDamage` when it is not that of this backup; `JSONFileError`.
    public func opened(_ bytes: [UInt8], at file: FilePath) throws -> Manifest {
        guard var details, sha256(bytes) == details.plain.sha256 else {
            throw BackupDamage(file: file.lastComponent?.string ?? "", why: "it is not that of this backup")
        }
        var full = try Manifest.decode(bytes, at: file)
        guard full.id == id, full.instanceId == instanceId, full.parts.map(\.name) == parts.map(\.name),
            zip(full.parts, parts).allSatisfy({ $0.file == $1.file && $0.sha256 == $1.sha256 })
        else {
            throw BackupDamage(file: details.file, why: "it does not agree with the manifest")
        }
        details.isOpen = true
        full.details = details
        return full
    }
}
