// SPDX-License-Identifier: Apache-2.0

/// The name of an instance: also a folder name, part of a k3d cluster's and a container's name, and a metrics label.
///
/// Lower-case letters, digits and hyphens, 1 to 27 characters, starting and ending with a letter or digit: what k3d
/// accepts for a cluster once `kecs-` is put in front, 32 characters in all (k3d 5.9, `pkg/client/clusterName.go`).
public struct InstanceName: Hashable, Comparable, Sendable, CustomStringConvertible {
    public static let maximumLength = 27
    public let description: String

    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        guard let first = bytes.first, let last = bytes.last, bytes.count <= Self.maximumLength,
            isAlphanumeric(first), isAlphanumeric(last),
            bytes.allSatisfy({ isAlphanumeric($0) || $0 == UInt8(ascii: "-") })
        else { return nil }
        description = text
    }

    /// - Throws: A usage failure that explains the rules for a name.
    public init(checking text: String) throws(Failure) {
        guard let name = InstanceName(text) else {
            throw Failure(
                .usage, "“\(text)” cannot be the name of an instance",
                cause:
                    "a name has 1 to \(Self.maximumLength) lower-case letters, digits and hyphens, and starts "
                    + "and ends with a letter or digit",
                remedy: "kecsctl list -o name")
        }
        self = name
    }

    public static func < (left: InstanceName, right: InstanceName) -> Bool {
        left.description < right.description
    }
}
