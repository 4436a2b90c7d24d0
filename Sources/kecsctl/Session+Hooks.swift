// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import Logging
import SystemPackage

/// An operation's report, with the failures of the hooks after it.
struct Hooked<Report: OperationReport>: OperationReport {
    static var kind: String { Report.kind }
    var report: Report
    var hookErrors: [Failure] = []

    /// The outcome with failed hooks: the operation is done, so that a failed hook makes it a partial one.
    var outcome: Outcome {
        hookErrors.isEmpty || ![.done, .already].contains(report.outcome) ? report.outcome : .partial
    }

    var failedStatus: Failure.Kind { report.failedStatus }

    private enum CodingKeys: CodingKey { case hookErrors }

    func encode(to encoder: any Encoder) throws {
        try report.encode(to: encoder)
        guard !hookErrors.isEmpty else { return }
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(hookErrors, forKey: .hookErrors)
    }
}

extension Session {
    /// Runs an operation between its hooks. A hook before it that fails stops it, and is the failure. The hooks after
    /// it run whatever its outcome, also when one before it failed: another one may have begun something that they end.
    /// A dry run runs none.
    func hooked<Report: OperationReport>(
        _ operation: Hook.Operation, of name: InstanceName, _ change: ChangeOptions,
        _ body: () async throws -> Report
    ) async throws -> Hooked<Report> {
        if change.dryRun { return Hooked(report: try await body()) }
        let hooks = try RunHooks(site: site, operation, of: name)
        let report: Report
        do {
            try await hooks.before()
            report = try await body()
        } catch {
            let failure = failure(error)
            let result = InstanceResult<Report>(name.description, failure: failure)
            let end = RunHooks.End(status: failure.status, outcome: .failed, result: try? json(result))
            // The operation's own failure stays the result.
            for problem in await hooks.after(end) { console.fail(problem, instance: name.description) }
            throw error
        }
        let result = InstanceResult(name.description, report)
        let end = RunHooks.End(
            status: Self.status(result), outcome: report.outcome, result: try? json(result))
        return Hooked(report: report, hookErrors: await hooks.after(end))
    }

    /// Returns the value for the standard input of a hook. A value that cannot be written is left out.
    private func json(_ value: some Encodable) throws -> JSONValue {
        try JSONFile.decode(JSONValue.self, from: JSONFile.encode(value), at: "result")
    }
}

extension Session.Telling {
    /// The presentation of a report with its hooks.
    var hooked: Session.Telling<Hooked<Report>> {
        .init(
            text: { text($0, $1.report) }, names: { names($0, $1.report) }, warnings: { warnings($0.report) },
            failures: { failures($0.report) + $0.hookErrors })
    }
}
