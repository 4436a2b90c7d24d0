// SPDX-License-Identifier: Apache-2.0

/// The format in which an archive is stored. Plain `tar` unpacks all three.
public enum Compression: String, Hashable, Sendable, Codable {
    /// isa-l, level 1: about ten times as fast as gzip and some percent larger.
    case fast
    /// libdeflate, level 8: about as small as `gzip -9`.
    case small
    /// A plain tar. Damage to contents shows only in the digest of the whole file.
    case none

    /// The extension of the archive's file.
    public var fileExtension: String { self == .none ? "tar" : "tar.gz" }
}
