// SPDX-License-Identifier: Apache-2.0

/// An event of a recovery for notifications, in addition to the start and the end of the command that it is part of.
public enum RecoveryEvent: Sendable {
    /// - Parameters:
    ///   - clusters: The number of clusters in the database, whether they are recovered or not.
    ///   - services: The number of services, likewise.
    case started(clusters: Int, services: Int, recovery: String, of: InstanceName)
    case finished(RecoverReport, recovery: String, of: InstanceName)
    /// It could not be completed.
    case failed(Failure, recovery: String, of: InstanceName)
}
