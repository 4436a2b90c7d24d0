// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import Logging

extension Session {
    /// The presentation of an operation's report to people and to scripts.
    struct Telling<Report: OperationReport> {
        /// The sentences without the final newline; empty for none.
        var text: (InstanceName, Report) -> String
        /// The names for `-o name`.
        var names: (InstanceName, Report) -> [String] = { name, _ in [name.description] }
        /// The warnings that even a quiet script gets, on standard error.
        var warnings: (Report) -> [String] = { _ in [] }
        /// The failures inside a report that is otherwise good. They make it partial.
        var failures: (Report) -> [Failure] = { _ in [] }
    }

    /// Runs the operation for each selected instance in turn. One that fails does not stop the others.
    ///
    /// - Parameter changes: True to write a line into the history. A request that was refused for its words gets none.
    func operate<Report: OperationReport>(
        on selection: InstanceSelection, unnamed: InstanceSelection.Unnamed, existing: [String]? = nil,
        changes: Bool, _ telling: Telling<Report>, _ operation: (InstanceName) async throws -> Report
    ) async -> Int32 {
        var document = OperationDocument<Report>()
        var statuses: [Int32] = []
        do {
            let notifying = changes ? notifying() : nil
            for name in try resolve(selection, unnamed: unnamed, existing: existing) {
                await notifyStart(notifying, name)
                let result = await result(name, operation)
                document.results.append(result)
                tell(result, telling)
                let isRefused = [.usage, .notFound].contains(result.failure?.kind)
                statuses.append(Self.status(result, telling))
                if changes, !isRefused { record(result, status: Self.status(result, telling)) }
                await notifyEnd(notifying, result, status: Self.status(result, telling))
            }
        } catch {
            document.error = failure(error)
        }
        if options.format != .table {
            let names = document.results.flatMap { result -> [String] in
                guard let report = result.report, let name = InstanceName(result.instance) else { return [] }
                return telling.names(name, report)
            }
            answer(Answer(document: document, table: { _ in "" }, names: names))
        }
        if let failure = document.error { return end(failure) }
        return Self.status(statuses)
    }

    private func result<Report: OperationReport>(
        _ text: String, _ operation: (InstanceName) async throws -> Report
    ) async -> InstanceResult<Report> {
        do {
            try machine.cancellation.check()
            return InstanceResult(text, try await operation(try InstanceName(checking: text)))
        } catch {
            return InstanceResult(text, failure: failure(error))
        }
    }

    private func tell<Report>(_ result: InstanceResult<Report>, _ telling: Telling<Report>) {
        if let failure = result.failure { console.fail(failure, instance: result.instance) }
        guard let report = result.report, let name = InstanceName(result.instance) else { return }
        for failure in telling.failures(report) { console.fail(failure, instance: result.instance) }
        for warning in telling.warnings(report) {
            console.note(.warning, warning, details: ["instance": result.instance])
        }
        guard options.format == .table, options.answers else { return }
        let text = telling.text(name, report)
        console.answer(text.isEmpty ? "" : text + "\n")
    }

    /// As `status`, but an operation that was interrupted ends as that, although what it had done until then counts.
    private static func status<Report>(_ result: InstanceResult<Report>, _ telling: Telling<Report>) -> Int32
    {
        let failures = result.report.map(telling.failures) ?? []
        let interruption = failures.first { [.interrupted, .terminated].contains($0.kind) }
        return interruption?.status ?? status(result)
    }

    static func status<Report>(_ result: InstanceResult<Report>) -> Int32 {
        if let failure = result.failure { return failure.status }
        return switch result.outcome {
        case .done, .already, .planned, .skipped: 0
        case .partial: Failure.Kind.partial.rawValue
        case .failed: (result.report?.failedStatus ?? .failed).rawValue
        }
    }
}
