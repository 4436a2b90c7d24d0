// SPDX-License-Identifier: Apache-2.0
import Kecs

/// All checks that know neither containers nor clusters, in the order of `--list-checks`.
public enum HostChecks {
    public static let all: [any Check] =
        files + locks + database + backups + machine

    private static let files: [any Check] = [
        HomeModeCheck(), HomeOwnerCheck(), EachPart(DataOwnerCheck(), seenByServer: true),
        AllParts(WorldWritableCheck()),
        AllParts(SecretsCheck()), BackupModeCheck(), EachDatabase(DatabaseFolderCheck()),
        EachDatabase(DatabaseFileCheck()), EachPart(ExecutableDataCheck()), EachPart(UnreadableDataCheck()),
        EachPart(StrayFilesCheck()), RemnantCheck(),
    ]
    private static let locks: [any Check] = [
        EachPart(ForeignLockCheck()), OwnLockCheck(), SharedFolderCheck(), SharedPortsCheck(), PortCheck(),
    ]
    private static let database: [any Check] = [
        EachDatabase(DatabaseKindCheck()), DatabaseMissingCheck(), DatabaseMountCheck(),
        AllParts(DatabaseSizeCheck()), EachPart(DataSizeCheck()), EachDatabase(WriteAheadLogCheck()),
        EachDatabase(JournalModeCheck()), EachDatabase(FreePagesCheck()), EachDatabase(IntegrityCheck()),
        EachDatabase(ForeignKeysCheck()), EachDatabase(SidecarsCheck()), SchemaVersionCheck(),
        SchemaDriftCheck(),
    ]
    private static let backups: [any Check] = [
        NoBackupCheck(), OldBackupCheck(), UnverifiedBackupCheck(), DamagedBackupCheck(),
        IncompleteBackupCheck(),
        FailingBackupCheck(), ShrunkBackupCheck(), VerificationAgeCheck(), FutureBackupCheck(), DrillCheck(),
        UntriedKeyCheck(),
        RemoteCheck(), CopyCheck(), EachPart(SameDeviceCheck()), ScheduleCheck(), BrokenScheduleCheck(),
        UnfinishedCheck(),
        DownCheck(), DegradedCheck(),
        PreviousCheck(), ArrivalCheck(),
    ]
    private static let machine: [any Check] = [
        ConfigCheck(), SettingsCheck(), DataFolderCheck(), MountCheck(), EachPart(FileSystemKindCheck()),
        EachPart(ReadOnlyMountCheck()),
        DiskCheck(), InodeCheck(), AllParts(BackupRoomCheck()), GrowthCheck(), ProcessorsCheck(),
        MemoryCheck(),
        RoomCheck(),
        StateCheck(), UnseenCheck(), FrozenCheck(), HealthCheck(), HistoryCheck(), StagingCheck(),
        VersionCheck(),
    ]
}
