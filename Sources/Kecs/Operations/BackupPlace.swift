// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
public import KecsSystem

/// The instance of a backup, and the backup's name in answers and in command lines.
public struct BackupPlace: Sendable {
    public var instance: String
    public var id: String
    public var createdAt: Moment

    init(instance: String, id: String, createdAt: Moment) {
        self.instance = instance
        self.id = id
        self.createdAt = createdAt
    }

    public init(_ backup: StoredBackup, of name: InstanceName) {
        instance = name.description
        id = backup.id.description
        createdAt = backup.id.createdAt
    }

    /// `INSTANCE/ID`
    public var argument: String { "\(instance)/\(id)" }
}
