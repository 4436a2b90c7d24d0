// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsState
import KecsSystem
import Synchronization
import SystemPackage

/// The options of `recover`.
public struct RecoverRequest: Sendable {
    /// Names of ECS clusters; empty for all.
    public var clusters: [String]
    /// `CLUSTER` or `CLUSTER/SERVICE`.
    public var skip: [String]
    /// k3d clusters at once.
    public var parallel: Int
    /// True to wait for the rollouts of each batch.
    public var wait: Bool
    /// True to continue the last recovery, with its own clusters and exceptions. After one that is over, or that was
    /// cut off before it had begun, only missing objects are left to make.
    public var resume: Bool
    public var dryRun: Bool
    /// True to take existing objects that differ back to the state in the database.
    public var overwrite: Bool
    /// The limit for each cluster's API, and for each batch's rollouts.
    public var limit: Duration
    /// The limit for all of it together. Services that are not up by then are reported as such. Nil: no limit.
    public var whole: Duration?
    /// The time for which a failure may last that can pass on its own.
    public var patience: Duration = .seconds(15)

    public init(
        clusters: [String] = [], skip: [String] = [], parallel: Int = 2, wait: Bool = true,
        resume: Bool = false, dryRun: Bool = false, overwrite: Bool = false, limit: Duration = .seconds(300),
        whole: Duration? = nil
    ) {
        self.clusters = clusters
        self.skip = skip
        self.parallel = max(1, parallel)
        self.wait = wait
        self.resume = resume
        self.dryRun = dryRun
        self.overwrite = overwrite
        self.limit = limit
        self.whole = whole
    }
}
