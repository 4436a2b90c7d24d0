// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsState
import KecsSystem
import Synchronization
import SystemPackage

/// The values that all parts of a recovery share.
struct RecoveryWork: Sendable {
    let records: StateRecords
    let policy: RecoveryPolicy
    /// The k3d clusters that existed before.
    let clusters: [String: K3dClusterState]
    let id: String
    let request: RecoverRequest
    let time: RecoveryTime
    /// True when objects with this recovery's mark may be of a run that did not wait for them.
    let wasCutOff: Bool
    /// A plan made without knowing the content of the clusters. It names those that are wanted.
    let outline: RecoveryPlan
}
