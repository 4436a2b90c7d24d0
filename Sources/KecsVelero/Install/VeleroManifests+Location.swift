// SPDX-License-Identifier: Apache-2.0
import KecsStorage

/// Where Velero's backups go.
extension VeleroManifests {
    static var address: String { "http://\(store).\(namespace).svc:\(ObjectStoreFlavour.port)" }

    /// Every value is a text: Velero's plugin takes no others. Which checksum the plugin sends is left to it: both stores
    /// understand it, and without one its release stores the envelope instead of the object.
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

    /// `velero-config/backup-location.yaml`: the guide's, and the default one.
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
