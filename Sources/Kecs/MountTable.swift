// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
public import SystemPackage

/// The file systems that this process sees: `/proc/self/mountinfo`, proc(5).
public struct MountTable: Sendable, Hashable {
    public struct Mount: Sendable, Hashable {
        public var point: FilePath
        /// "ext4", "overlay", "nfs4", "fuse.sshfs"
        public var kind: String
        public var source: String
        public var isReadOnly: Bool
    }

    public let mounts: [Mount]

    public static func current() throws -> MountTable {
        MountTable(String(decoding: try FilePath("/proc/self/mountinfo").contents(), as: UTF8.self))
    }

    public init(_ text: String) {
        mounts = text.split(separator: "\n").compactMap { line in
            // 36 35 98:0 /root /point rw,noatime shared:1 - ext4 /dev/sda rw,errors=continue
            let fields = line.split(separator: " ", omittingEmptySubsequences: false)
            guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 2 else {
                return nil
            }
            let options = fields[5].split(separator: ",")
            return Mount(
                point: FilePath(bytes: mountField(fields[4].utf8)), kind: String(fields[dash + 1]),
                source: String(decoding: mountField(fields[dash + 2].utf8), as: UTF8.self),
                isReadOnly: options.contains("ro"))
        }
    }

    /// Returns the mount that holds the path. The path must be free of links; one that does not exist yet counts as its
    /// folder.
    public func mount(of path: FilePath) -> Mount? {
        var found: Mount?
        for mount in mounts where path.starts(with: mount.point) {
            // If two mounts are on one point, the later one hides the earlier.
            if mount.point.components.count >= found?.point.components.count ?? 0 { found = mount }
        }
        return found
    }
}

extension MountTable {
    /// A mount point in this folder.
    func below(_ folder: FilePath) -> FilePath? {
        let folder = folder.resolved()
        return mounts.first { $0.point.starts(with: folder) }?.point
    }
}
