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
    /// Somebody asked for everything to be captured frozen: then nothing is linked because it looks the same.
    let isFrozen: Bool
    let cancellation: Cancellation

    func run(_ part: Part) throws -> PartPlan {
        try cancellation.check()
        var plan = try PartPlan(
            part, of: instance, earlier: earlier, seen: seen, cancellation: cancellation)
        if isFrozen { plan.mayBeWritten = true } else { plan.lookForWriters(isRunning: isRunning) }
        return plan
    }

    /// What was seen of it before may be of no moment any more.
    func again(_ plan: PartPlan) throws -> PartPlan { try run(plan.part) }
}
