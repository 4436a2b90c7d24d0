// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import KecsVelero
import SystemPackage

/// A backup of Velero in a list.
struct VeleroBackupSummary: Encodable {
    var name: String
    /// The instance; nil for a folder that the user named.
    var instance: String?
    /// The object store's data folder, and in it bucket and prefix.
    var folder: String
    var bucket: String
    var verdict: VeleroBackup.Verdict
    /// The depth of the verification: `sizes` or `blocks`.
    var checked: VeleroBackup.Depth
    var phase: String?
    var startedAt: Moment?
    var completedAt: Moment?
    var expiresAt: Moment?
    var items: Int64?
    var errors: Int64
    var warnings: Int64
    var bytes: Int64
    /// The number of blocks whose checksum a verification confirmed.
    var blocks: Int?
    /// True when bytes have changed since they were written, whatever the verdict.
    var hasDamage: Bool
    var reasons: [String]
    var remarks: [String]
    var objects: [VeleroBackup.Object]
    /// The first errors that Velero noted, for `backups show`.
    var messages: [String]?

    init(_ backup: VeleroBackup, in place: VeleroPlace) {
        name = backup.name
        instance = place.instance?.description
        folder = place.folder.string
        bucket = place.bucket.path
        verdict = backup.verdict
        checked = backup.depth
        phase = backup.phase
        startedAt = backup.startedAt
        completedAt = backup.completedAt
        expiresAt = backup.expiresAt
        items = backup.items
        errors = backup.errors
        warnings = backup.warnings
        bytes = backup.bytes
        blocks = backup.depth == .blocks ? backup.blocks : nil
        hasDamage = backup.hasDamage
        reasons = backup.reasons
        remarks = backup.remarks
        objects = backup.objects
    }

    /// The verdict. A list reads no tarball, and says so.
    var judgement: String {
        let isGood = verdict == .restorable || verdict == .withErrors
        return verdict.rawValue + (isGood && checked == .sizes ? " (not verified)" : "")
    }
}
