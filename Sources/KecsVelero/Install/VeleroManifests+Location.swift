// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// The location of Velero's backups.
extension VeleroManifests {
    static var address: String { "http://\(store).\(namespace).svc:\(ObjectStoreFlavour.port)" }

    /// The spec of the location. Every value is a text, because Velero's plugin accepts no others. The plugin chooses
    /// the checksum that it sends: both stores understand it, and without one its release stores the envelope instead
    /// of the object.
    static var locationSpec: JSONValue {
        [
            "provider": "aws",
            "default": true,
            "objectStorage": ["bucket": .string(bucket)],
            "config": [
                "region": .string(ObjectStoreFlavour.region), "s3ForcePathStyle": "true",
                "s3Url": .string(address),
            ],
        ]
    }

    /// The text of `velero-config/backup-location.yaml`: the guide's location, and the default one.
    public static var locationText: String {
        """
        apiVersion: velero.io/v1
        kind: BackupStorageLocation
        metadata:
          name: \(location)
          namespace: \(namespace)
        spec:
          provider: aws
          default: true
          objectStorage:
            bucket: \(bucket)
          config:
            region: \(ObjectStoreFlavour.region)
            s3ForcePathStyle: "true"
            s3Url: \(address)

        """
    }
}
