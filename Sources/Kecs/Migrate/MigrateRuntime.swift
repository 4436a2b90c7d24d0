// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem

/// What `migrate runtime` did.
public struct MigrateRuntimeReport: OperationReport {
    public static let kind = "MigrateRuntimeReport"
    public var outcome: Outcome
    public var from: String
    public var to: String
    public var backup: String?
    public var state: String
    public var durationSeconds: Double
}

/// Runs an instance another way. Both ways must keep their data in the same place; one that does not is moved with
/// `migrate export` and `import`.
public struct MigrateRuntime: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// To be called under the instance's lock.
    public func run(
        _ instance: Instance, to kind: RuntimeKind, dryRun: Bool = false
    ) async throws -> MigrateRuntimeReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let old = try site.runtime(instance)
        let state = await old.state()
        if case .unknown(let why) = state {
            throw Failure(
                .unreachable, "it cannot be told whether “\(instance.name)” is running", cause: why,
                remedy: "kecsctl status \(instance.name)")
        }
        var report = MigrateRuntimeReport(
            outcome: .already, from: instance.config.runtime.rawValue, to: kind.rawValue, state: state.name,
            durationSeconds: 0)
        guard instance.config.runtime != kind else { return report }
        var config = instance.config
        config.runtime = kind
        let candidate = try site.instance(instance.name, config: config, flags: instance.settings.flags)
        let new = try site.runtime(candidate)
        let found = try await new.prepare()
        for (key, value) in found where config.settings[key.rawValue] == nil {
            config.settings[key.rawValue] = value
        }
        try await checkPlaces(old, new, of: instance, to: kind)
        report.outcome = .planned
        if dryRun { return report }

        let backup = try await TakeBackup(site: site).run(
            instance, BackupRequest(reason: .beforeMigration, prune: false)
        ).backup
        report.backup = backup?.id.description
        // A kill from here on starts what the configuration names then: the old way or the new one.
        try Journal(operation: "migrate runtime", startedAt: clock.now(), runsAfterwards: state.mayWrite)
            .write(to: instance.folder.journal)
        if state.mayWrite { try await old.stop(limit: .seconds(60)) }
        do {
            try config.write(to: instance.folder.config)
            let now = try site.runtime(try site.instance(instance.name, flags: instance.settings.flags))
            if state.mayWrite { try await now.start(limit: .seconds(300)) }
            report.state = await now.state().name
        } catch {
            try await goBack(instance, new, old, runs: state.mayWrite)
            let failure = Failure.describing(error)
            throw Failure(
                failure.kind, "“\(instance.name)” did not come up with \(kind.rawValue), and runs as before",
                cause: failure.message + (failure.cause.map { ": \($0)" } ?? ""), remedy: failure.remedy)
        }
        try Journal.close(instance.folder.journal)
        report.outcome = .done
        report.durationSeconds = (clock.elapsed() - began).inSeconds
        return report
    }

    private func goBack(
        _ instance: Instance, _ new: any Runtime, _ old: any Runtime, runs: Bool
    ) async throws {
        try await new.stop(limit: .seconds(60))
        try await new.remove()
        try instance.config.write(to: instance.folder.config)
        if runs { try await old.start(limit: .seconds(120)) }
        try Journal.close(instance.folder.journal)
    }

    private func checkPlaces(
        _ old: any Runtime, _ new: any Runtime, of instance: Instance, to kind: RuntimeKind
    ) async throws {
        let before = try await old.parts().first { $0.name == "data" }?.place
        let after = try await new.parts().first { $0.name == "data" }?.place
        guard let before, let after, before != after else { return }
        throw Failure(
            .failed, "the data of “\(instance.name)” would have to move for \(kind.rawValue)",
            cause: "it lies in \(before) and would be looked for in \(after)",
            remedy: "kecsctl migrate export \(instance.name) \(instance.name).tar.gz")
    }
}
