// SPDX-License-Identifier: Apache-2.0
public import KecsBackups

/// What one copy of a backup to a remote came to.
public struct CopyItem: Encodable, Sendable {
    public var instance: String
    public var id: BackupID
    public var remote: String
    /// The remote's address, and what is below it.
    public var path: String
    public var result: Result
    /// Of all files.
    public var bytes: Int64
    /// Of those that were sent now; the rest was there from a copy that was cut off, or is in `reusedBytes`.
    public var sentBytes: Int64
    /// Of those that the remote took from an earlier copy that lies there.
    public var reusedBytes: Int64 = 0
    public var durationSeconds: Double
    /// What the remote's retention removed afterwards.
    public var pruned: [BackupID] = []
    /// What the retention would have removed, had the remote not refused: sentences.
    public var refused: [String] = []
    /// The copy is done, but the remote's retention could not remove what it wanted to.
    public var pruneError: Failure?

    public enum Result: String, Encodable, Sendable { case copied, already, planned }
}
