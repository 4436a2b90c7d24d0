// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
public import KecsSystem

extension BackupID {
    /// Whether its time is in the future, by more than clocks differ.
    public func isAhead(of now: Moment) -> Bool { createdAt > now + .seconds(60) }
}
