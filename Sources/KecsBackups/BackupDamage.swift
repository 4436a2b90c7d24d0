// SPDX-License-Identifier: Apache-2.0

/// A backup differs from its own records.
public struct BackupDamage: Error, Hashable, Sendable {
    /// The file in the backup's folder.
    public let file: String
    public let why: String
    public init(file: String, why: String) {
        self.file = file
        self.why = why
    }
}
