// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// The limits at which checks report. All are exact: a value at the limit is still good.
public enum Thresholds {
    /// The persistence guide's alert, which in its own shell arithmetic only fired from 11 GiB on.
    public static let data: Int64 = 10 << 30
    public static let database: Int64 = 1 << 30
    /// SQLite checkpoints at 4 MB; sixteen times that is a checkpoint that cannot get through.
    public static let writeAheadLog: Int64 = 64 << 20
    /// The limit in per cent of a file system's space, and of its inodes.
    public static let diskPercent: UInt64 = 90
    /// A day and two hours: a nightly backup that takes its time is not late.
    public static let backupAge = TimeSpan(milliseconds: 26 * 3_600_000)
    public static let drillAge = TimeSpan(milliseconds: 35 * 86_400_000)
    public static let verificationAge = TimeSpan(milliseconds: 35 * 86_400_000)
    /// The divisor for shrunk backups: one under half of the previous size has probably lost something.
    public static let shrunkFactor: Int64 = 2
    /// Days until the disk is full, by the growth of the backups' sources.
    public static let daysToFull = 14.0
    /// The recovery guide's minimum for clusters: two processors, 4 GB, 20 GB of disk.
    public static let processors = 2
    public static let memory: Int64 = 4_000_000_000
    public static let room: Int64 = 20_000_000_000
    /// A database of which more than a quarter, and more than 16 MiB, is free.
    public static let freePagesQuotient: Int64 = 4
    public static let freeBytes: Int64 = 16 << 20
}
