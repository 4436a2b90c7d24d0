// SPDX-License-Identifier: Apache-2.0
/// Every check that knows neither containers nor clusters, in the order of `--list-checks`.
public enum HostChecks {
    public static let all: [any Check] =
        files + locks + database + backups + machine

    private static let files: [any Check] = [
        HomeModeCheck(), HomeOwnerCheck(), DataOwnerCheck(), WorldWritableCheck(), SecretsCheck(),
        BackupModeCheck(),
        DatabaseFolderCheck(), DatabaseFileCheck(), ExecutableDataCheck(), UnreadableDataCheck(),
        StrayFilesCheck(), RemnantCheck(),
    ]
    private static let locks: [any Check] = [
        ForeignLockCheck(), OwnLockCheck(), SharedFolderCheck(), SharedPortsCheck(), PortCheck(),
    ]
    private static let database: [any Check] = [
        DatabaseKindCheck(), DatabaseMissingCheck(), DatabaseSizeCheck(), DataSizeCheck(),
        WriteAheadLogCheck(),
        JournalModeCheck(), FreePagesCheck(), IntegrityCheck(), ForeignKeysCheck(), SidecarsCheck(),
        SchemaVersionCheck(), SchemaDriftCheck(),
    ]
    private static let backups: [any Check] = [
        NoBackupCheck(), OldBackupCheck(), UnverifiedBackupCheck(), DamagedBackupCheck(),
        IncompleteBackupCheck(),
        FailingBackupCheck(), ShrunkBackupCheck(), VerificationAgeCheck(), FutureBackupCheck(), DrillCheck(),
        RemoteCheck(), SameDeviceCheck(), ScheduleCheck(), BrokenScheduleCheck(), UnfinishedCheck(),
        DownCheck(), DegradedCheck(),
        PreviousCheck(),
    ]
    private static let machine: [any Check] = [
        ConfigCheck(), SettingsCheck(), DataFolderCheck(), MountCheck(), FileSystemKindCheck(),
        ReadOnlyMountCheck(),
        DiskCheck(), InodeCheck(), BackupRoomCheck(), GrowthCheck(), ProcessorsCheck(), MemoryCheck(),
        RoomCheck(),
        StateCheck(), UnseenCheck(), FrozenCheck(), HealthCheck(), HistoryCheck(), StagingCheck(),
        VersionCheck(),
    ]
}
