// SPDX-License-Identifier: Apache-2.0

/// The meaning of Velero's words: its objects and files hold texts of the libraries below it.
///
/// The texts are those of `docs/velero.md`, section “What goes wrong”, with the threads in which users met them.
public struct VeleroReason: Hashable, Sendable {
    /// A part of Velero's text, without regard to case.
    public let text: String
    public let meaning: String

    private init(_ text: String, _ meaning: String) {
        self.text = text
        self.meaning = meaning
    }

    /// The first one that fits counts, so that the special ones stand before the general ones.
    static let known: [VeleroReason] = [
        .init(
            "during the server starting",
            "Velero was started again during it, as after it ran out of memory"),
        .init("XMinioStorageFull", "the disk of the object store is full"),
        .init("no space left on device", "the disk of the object store is full"),
        .init("NoSuchBucket", "the bucket is gone from the object store"),
        .init(
            "invalid top-level directories",
            "a folder at the root of the bucket is not Velero's, and Velero does not use such a bucket"),
        .init(
            "unable to locate ObjectStore plugin",
            "Velero has no plugin for its object store: the container that brings it did not"),
        .init("InvalidAccessKeyId", "the object store does not accept Velero's credentials"),
        .init("SignatureDoesNotMatch", "the object store does not accept Velero's credentials"),
        .init("NoCredentialProviders", "Velero has no credentials for the object store"),
        .init("AccessDenied", "the object store does not let Velero do it"),
        .init("XAmzContentSHA256Mismatch", "plugin and store do not agree on the checksum of uploads"),
        .init(
            "gzip: invalid header",
            "plugin and store do not agree on the checksum of uploads, and the upload's envelope was stored"),
        .init("read-only mode", "the location is for reading only, as while a cluster is restored"),
        .init("already exists in object storage", "the store has a backup of that name already"),
        .init(
            "Error retrieving backup",
            "Velero has not read its object store since it started, or the backup is not there"),
        .init("provided port is already allocated", "another Service has that node port"),
        .init(
            "failed calling webhook",
            "a webhook is in the cluster before what answers it: once that runs, it can be restored"),
        .init("not a shared or slave mount", "the nodes were made without shared mounts"),
        .init(
            "daemonset pod not found in running state in node",
            "Velero's node agent does not run on that node"
        ),
        .init("repository not initialized", "the volumes' data of the namespace are not in this store"),
        .init("repository is not initialized", "the volumes' data of the namespace are not in this store"),
        .init(
            "invalid repository password",
            "the volumes' data were written with another password than velero-repo-credentials has"),
        .init("unknown field", "Velero's definitions in the cluster are older than Velero"),
        .init("Unsupported value", "Velero's definitions in the cluster are older than Velero"),
        .init(
            "the server could not find the requested resource",
            "the cluster has no such kind in that version: its Kubernetes is another than the backup's"),
        .init(
            "no matches for kind",
            "the cluster has no such kind in that version: its Kubernetes is another than the backup's"),
        .init(
            "is forbidden:", "Velero may not do it: the setting veleroRights (admin) gives it every right"),
        .init("NoSuchKey", "a file of it is gone from the object store"),
        .init("is in Unavailable status", "Velero's location for backups is not available"),
        .init("cannot retrieve the backup", "Velero's location for backups is not available"),
        .init(
            "no such host", "the cluster knows no such name: the store's Service is gone, or s3Url is wrong"),
        .init("connection refused", "the object store does not answer"),
    ]

    /// Returns the reason behind a text; nil for one that is not known.
    public static func of(_ text: String) -> VeleroReason? {
        let text = text.lowercased()
        return known.first { text.contains($0.text.lowercased()) }
    }

    /// Returns the meaning with Velero's own words behind it; for an unknown text only those.
    public static func translated(_ text: String) -> String {
        of(text).map { "\($0.meaning) (\(text))" } ?? text
    }
}
