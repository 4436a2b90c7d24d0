// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem

/// Looks at parts before they are captured, the first time and again.
struct LookAtParts: Sendable {
    let instance: Instance
    /// Verified backups, the newest first.
    let earlier: [StoredBackup]
    let seen: PartsSeen
    let isRunning: Bool
    let cancellation: Cancellation

    func run(_ part: Part) throws -> PartPlan {
        try cancellation.check()
        var plan = try PartPlan(
            part, of: instance, earlier: earlier, seen: seen, cancellation: cancellation)
        plan.lookForWriters(isRunning: isRunning)
        return plan
    }

    /// What was seen of it before may be of no moment any more.
    func again(_ plan: PartPlan) throws -> PartPlan { try run(plan.part) }
}
