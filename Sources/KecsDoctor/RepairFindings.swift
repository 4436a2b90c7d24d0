// SPDX-License-Identifier: Apache-2.0
public import Kecs
import KecsSystem
import SystemPackage

/// Applies the repairs that checks offered: planned again under the instance's lock, recorded, then made one after the
/// other.
public struct RepairFindings: Sendable {
    let site: Site
    let doctor: Doctor

    public init(site: Site, doctor: Doctor) {
        self.site = site
        self.doctor = doctor
    }

    /// Returns the plan alone: the repairs that `run` would make.
    public static func plan(_ report: DoctorReport) -> [RepairResult] {
        steps(report.findings).map { instance, step in
            RepairResult(
                check: step.check, instance: instance, message: step.message,
                change: step.repair.commandLine, outcome: .planned)
        }
    }

    /// - Parameter selection: As for the doctor; only repairs of these checks are made.
    public func run(
        _ names: [InstanceName], _ selection: Doctor.Selection, lock: LockRequest,
        told: (Told) -> Void = { _ in }
    ) async throws -> [RepairResult] {
        var results = try await apply(
            doctor.run(names, selection).findings.filter { $0.instance == nil }, to: nil)
        for name in names {
            let report = try await doctor.run([name], selection)
            let isOwed = try await site.needsCare(name)
            guard isOwed || report.findings.contains(where: { $0.instance != nil && $0.fixable }) else {
                continue
            }
            results += try await site.locked(name, lock, told: told) { _ in
                // Changes that another kecsctl made before we got the lock are not repaired twice.
                let findings = try await doctor.run([name], selection).findings
                return try await apply(findings.filter { $0.instance != nil }, to: name)
            }
        }
        return results
    }

    private static func steps(_ findings: [Finding]) -> [(String?, RepairRecord.Step)] {
        var seen: Set<Repair> = []
        return findings.flatMap { finding in
            finding.repairs.compactMap { repair in
                guard seen.insert(repair).inserted else { return nil }
                return (
                    finding.instance,
                    RepairRecord.Step(check: finding.id, message: finding.message, repair: repair)
                )
            }
        }
    }

    private func apply(_ findings: [Finding], to name: InstanceName?) async throws -> [RepairResult] {
        let steps = Self.steps(findings)
        guard !steps.isEmpty else { return [] }
        let folder = RepairRecord.folder(site, name)
        try folder.createFolder()
        let now = site.machine.clock.now()
        let file = try FreeName.first { number in
            let file = folder.appending(now.compact + (number > 1 ? "-\(number)" : "") + ".json")
            return try file.isPresent ? nil : file
        }
        try JSONFile.write(RepairRecord(at: now, steps: steps.map(\.1)), to: file)
        return steps.map { instance, step in
            var result = RepairResult(
                check: step.check, instance: instance, message: step.message,
                change: step.repair.commandLine, outcome: .done)
            do { try step.repair.apply() } catch {
                result.outcome = .failed
                let failure = Failure.describing(error)
                result.error = failure.cause ?? failure.message
            }
            return result
        }
    }
}
