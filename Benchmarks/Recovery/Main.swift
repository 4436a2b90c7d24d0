// SPDX-License-Identifier: Apache-2.0
import KecsSQLite
import KecsState
import KecsSystem
import SystemPackage

/// `recovery-bench DATABASE [ROUNDS]`: how long it takes to decide what a recovery does, everything translated, when
/// nothing of it exists. Prints “SERVICES services: read READ ms, planned PLAN ms”, medians of the rounds.
@main
enum Main {
    static func main() throws {
        let words = CommandLine.arguments
        guard words.count >= 2 else { throw Problem.usage }
        let rounds = words.count > 2 ? Int(words[2]) ?? 0 : 11
        guard rounds > 0 else { throw Problem.usage }
        var reading: [Duration] = []
        var planning: [Duration] = []
        var planned = 0
        let clock = ContinuousClock()
        for _ in 0..<rounds {
            var records: StateRecords?
            reading.append(
                try clock.measure {
                    records = try StateDatabase.open(FilePath(words[1]), .readOnly).allRecords()
                })
            guard let records else { continue }
            planning.append(
                clock.measure {
                    let plan = RecoveryPlan(records, ExistingObjects(k3dClusters: .known([:])))
                    planned = plan.clusters.flatMap(\.services).count { $0.decision == .recover }
                })
        }
        print("\(planned) services: read \(median(reading)) ms, planned \(median(planning)) ms")
    }

    private static func median(_ times: [Duration]) -> Double {
        let microseconds = times.sorted()[times.count / 2] / .microseconds(1)
        return (microseconds / 10).rounded() / 100
    }

    private enum Problem: Error { case usage }
}
