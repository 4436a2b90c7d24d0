// SPDX-License-Identifier: Apache-2.0
import Kecs
import SystemPackage
import KecsSystem

struct FileSystemKindCheck: InstanceCheck {
    let info = CheckInfo(
        "fs.type", .instance, .warning,
        "the database lies on a file system with reliable locks and syncs")

    func run(_ facts: InstanceFacts, _ look: Look) throws -> [Finding] {
        let folder = try facts.data.get()
        guard let mount = try look.surroundings.mounts.get().mount(of: folder.resolved()),
            let (severity, why) = Self.judge(
                mount.kind, inContainer: try facts.instance.settings.flag(.containerMode))
        else { return [] }
        return [
            Finding(
                severity, "the data of “\(facts.name)” lies on \(mount.kind): \(why)",
                [
                    "path": .string(folder.string), "fileSystem": .string(mount.kind),
                    "mountPoint": .string(mount.point.string), "source": .string(mount.source),
                ],
                remedy: "findmnt -T \(ShellWords.quote([folder.string]))")
        ]
    }

    /// The file systems of the network.
    private static let remote: Set<String> = [
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "fuse.sshfs", "fuse.s3fs",
        "fuse.rclone", "fuse.glusterfs",
    ]
    /// The file systems of the host that a virtual machine runs on.
    private static let host: Set<String> = [
        "9p", "virtiofs", "drvfs", "vboxsf", "prl_fs", "fuse.grpcfuse", "fuse.osxfs", "fakeowner",
    ]

    /// Returns true when processes that this machine does not see may use files there.
    static func isShared(_ kind: String) -> Bool { remote.contains(kind) || host.contains(kind) }

    static func judge(_ kind: String, inContainer: Bool) -> (Severity, String)? {
        switch kind {
        case _ where remote.contains(kind):
            (
                .warning,
                "WAL needs shared memory, which is not shared between the machines of a network file system"
            )
        case _ where host.contains(kind):
            (.warning, "it shares a folder of another system, with locks and owners that may not be real")
        case "overlay", "aufs":
            (
                inContainer ? .warning : .info,
                "it is the layer of a container, slow to write and gone with the container"
            )
        case "tmpfs", "ramfs": (.warning, "it is memory, and empty after the next boot")
        case "vfat", "exfat", "msdos": (.warning, "it knows no owners and no modes")
        default: nil
        }
    }
}
