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
    /// True when the user asked to capture everything frozen: then nothing is linked because it looks the same.
    var isFrozen = false
    /// The patterns that leave files out of the parts.
    var exclusions = Exclusions()
    let cancellation: Cancellation
    /// The encryption of the backup; nil for none.
    var sealing: Sealing?

    func run(_ part: Part) throws -> PartPlan {
        try cancellation.check()
        var plan = try PartPlan(
            part, of: instance, earlier: earlier, seen: seen, excluded: exclusions.patterns(of: part),
            cancellation: cancellation)
        // True until the search for writers.
        plan.mayBeWritten = true
        plan.isSealedLikeLast = plan.last.map { Sealing.is(sealing, of: $0.part) } ?? false
        return plan
    }

    /// Finds out which parts no process can be writing to. Checks only those that would be unchanged then.
    func lookForWriters(_ plans: inout [PartPlan]) {
        if isFrozen { return }
        let asked = plans.indices.filter { plans[$0].seemsUnchanged }
        let places = asked.map { plans[$0].source.root }
        // A single search covers all parts, as long as it finds no writer.
        let isQuiet = !places.isEmpty && !Writers.mayWrite(below: places, isRunning: isRunning)
        for index in asked {
            plans[index].mayBeWritten =
                !isQuiet
                && (asked.count == 1
                    || Writers.mayWrite(below: [plans[index].source.root], isRunning: isRunning))
        }
    }

    /// Looks at a part again: the results of the earlier look may be out of date.
    func again(_ plan: PartPlan) throws -> PartPlan {
        var again = try run(plan.part)
        if !plan.isSealedLikeLast { again.isSealedLikeLast = false }
        return again
    }
}
