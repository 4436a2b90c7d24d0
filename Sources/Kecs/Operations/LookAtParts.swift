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
    var isFrozen = false
    /// What is left out of them.
    var exclusions = Exclusions()
    let cancellation: Cancellation
    /// How the backup is to be encrypted; nil: not.
    var sealing: Sealing?

    func run(_ part: Part) throws -> PartPlan {
        try cancellation.check()
        var plan = try PartPlan(
            part, of: instance, earlier: earlier, seen: seen, excluded: exclusions.patterns(of: part),
            cancellation: cancellation)
        // Until somebody looked.
        plan.mayBeWritten = true
        plan.isSealedLikeLast = plan.last.map { Sealing.is(sealing, of: $0.part) } ?? false
        return plan
    }

    /// Finds out which parts nobody can be writing to. Asked only of those that would be unchanged then.
    func lookForWriters(_ plans: inout [PartPlan]) {
        if isFrozen { return }
        let asked = plans.indices.filter { plans[$0].seemsUnchanged }
        let places = asked.map { plans[$0].source.root }
        // One look tells of all, as long as it finds nobody.
        let isQuiet = !places.isEmpty && !Writers.mayWrite(below: places, isRunning: isRunning)
        for index in asked {
            plans[index].mayBeWritten =
                !isQuiet
                && (asked.count == 1
                    || Writers.mayWrite(below: [plans[index].source.root], isRunning: isRunning))
        }
    }

    /// What was seen of it before may be of no moment any more.
    func again(_ plan: PartPlan) throws -> PartPlan {
        var again = try run(plan.part)
        if !plan.isSealedLikeLast { again.isSealedLikeLast = false }
        return again
    }
}
