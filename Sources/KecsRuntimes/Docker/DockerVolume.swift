// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem

/// The fields of `docker volume inspect`.
struct DockerVolume: Decodable, Hashable, Sendable {
    var name: String
    var driver: String
    var mountPoint: String
    var labels: [String: String]?
    var options: [String: String]?

    private enum CodingKeys: String, CodingKey {
        case name = "Name"
        case driver = "Driver"
        case mountPoint = "Mountpoint"
        case labels = "Labels"
        case options = "Options"
    }

    /// True when the mount point always holds the bytes. With options (`o=bind`, `type=nfs`) the engine mounts
    /// something there only while a container uses it: otherwise a backup would hold an empty folder.
    var isPlainFolder: Bool { driver == "local" && (options ?? [:]).isEmpty }
}
