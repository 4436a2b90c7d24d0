// SPDX-License-Identifier: Apache-2.0

/// Velero's custom resource definitions, as it publishes them. Its server does not start if one of the 13 is missing.
public enum VeleroDefinitions {
    /// The definitions by name, in YAML.
    public static let files: [(name: String, yaml: [UInt8])] = [
        ("backuprepositories.velero.io", PackageResources.velero_io_backuprepositories_yaml),
        ("backups.velero.io", PackageResources.velero_io_backups_yaml),
        ("backupstoragelocations.velero.io", PackageResources.velero_io_backupstoragelocations_yaml),
        ("datadownloads.velero.io", PackageResources.velero_io_datadownloads_yaml),
        ("datauploads.velero.io", PackageResources.velero_io_datauploads_yaml),
        ("deletebackuprequests.velero.io", PackageResources.velero_io_deletebackuprequests_yaml),
        ("downloadrequests.velero.io", PackageResources.velero_io_downloadrequests_yaml),
        ("podvolumebackups.velero.io", PackageResources.velero_io_podvolumebackups_yaml),
        ("podvolumerestores.velero.io", PackageResources.velero_io_podvolumerestores_yaml),
        ("restores.velero.io", PackageResources.velero_io_restores_yaml),
        ("schedules.velero.io", PackageResources.velero_io_schedules_yaml),
        ("serverstatusrequests.velero.io", PackageResources.velero_io_serverstatusrequests_yaml),
        ("volumesnapshotlocations.velero.io", PackageResources.velero_io_volumesnapshotlocations_yaml),
    ]
}
