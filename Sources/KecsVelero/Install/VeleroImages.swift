// SPDX-License-Identifier: Apache-2.0

/// The images of Velero in a cluster, by release and digest: a tag can be moved or deleted, as MinIO's were. Settings
/// can replace all of them.
public struct VeleroImages: Hashable, Sendable {
    /// The release, also of the definitions in `Definitions`: a server that is newer than they are refuses its own
    /// objects.
    public static let release = "1.18.2"

    /// The image of the server, and of the node agent and the restore helper as well.
    public var server =
        "docker.io/velero/velero:v1.18.2@sha256:37396519f399536e5f01427d723565ae69294ec3fb5625cf1c87c09eaa9de16b"
    /// The image of the plugin: 1.14 belongs to Velero 1.18.
    public var plugin =
        "docker.io/velero/velero-plugin-for-aws:v1.14.2@sha256:0751144c1c8e52d52c48717fbd13ad5a3061e612ae4d7ad744a946cd5b139d1a"
    public var store: String

    public init(_ store: ObjectStoreFlavour) {
        self.store =
            switch store {
            // The last release that was published as an image; Docker Hub has none any more.
            case .minio:
                "quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z@sha256:14cea493d9a34af32f524e538b8346cf79f3321eff8e708c1e2960462bd8936e"
            case .versitygw:
                "docker.io/versity/versitygw:v1.7.0@sha256:c4cbd9d9cb8dedbb055ac788dbd02635651b9b1cebac95b095b3217231aa87ad"
            }
    }
}
