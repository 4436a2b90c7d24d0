// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// One run of one command: does it for each instance, prints what came of it and says the exit status.
struct Session: Sendable {
    let machine: Machine
    let console: Console
    let options: GlobalOptions
    let home: FilePath
    /// "backups list": for remedies.
    let command: String

    func run(_ command: some SessionCommand) async -> Int32 {
        do { return try await command.run(self) } catch { return end(failure(error)) }
    }

    /// The names that stand in for a selection.
    func resolve(
        _ selection: InstanceSelection, unnamed: InstanceSelection.Unnamed
    ) throws -> [String] {
        try selection.resolve(
            existing: try existing(), variable: machine.environment["KECS_INSTANCE"],
            unnamed: unnamed, command: command)
    }

    /// Every folder of an instance, a broken one too.
    func existing() throws -> [String] {
        let folder = home.appending("instances")
        guard folder.isPresent else { return [] }
        return try folder.entries().map(\.string).filter { !$0.hasPrefix(".") }
    }

    /// Does it for each selected instance in turn; one that fails does not stop the others.
    ///
    /// - Parameters:
    ///   - names: What `-o name` prints of a report.
    ///   - text: The sentences of a report for people, without the final newline; empty: none.
    func operate<Report: OperationReport>(
        on selection: InstanceSelection, unnamed: InstanceSelection.Unnamed,
        names: (String, Report) -> [String] = { name, _ in [name] },
        text: (String, Report) -> String,
        _ operation: (String) async throws -> Report
    ) async -> Int32 {
        var document = OperationDocument<Report>()
        do {
            for name in try resolve(selection, unnamed: unnamed) {
                let result = await result(name, operation)
                if let failure = result.failure { console.fail(failure, instance: name) }
                if options.answers, options.format == .table, let report = result.report {
                    let lines = text(name, report)
                    console.answer(lines.isEmpty ? "" : lines + "\n")
                }
                document.results.append(result)
            }
        } catch {
            document.error = failure(error)
        }
        if options.format != .table {
            let printed = document.results.flatMap { result in
                result.report.map { names(result.instance, $0) } ?? []
            }
            answer(Answer(document: document, table: { _ in "" }, names: printed))
        }
        if let failure = document.error { return end(failure) }
        return Self.status(document.results.map(Self.status))
    }

    /// Prints a list of things, of a kind such as "BackupList".
    ///
    /// - Parameter nothing: What to say to people when the list is empty.
    func list<Item: Encodable>(
        _ kind: String, names: (Item) -> String, table: ([Item]) -> Table, nothing: String,
        _ items: () async throws -> [Item]
    ) async -> Int32 {
        var document = ListDocument<Item>(kind: kind)
        do { document.items = try await items() } catch { document.error = failure(error) }
        let rows = table(document.items)
        answer(
            Answer(
                document: document, table: { rows.rows.isEmpty ? "" : rows.text(width: $0) },
                names: document.items.map(names)))
        if let failure = document.error { return end(failure) }
        if document.items.isEmpty, options.format == .table, !options.quiet { console.line(nothing + "\n") }
        return 0
    }

    func answer(_ answer: Answer) {
        guard options.answers else { return }
        do {
            console.answer(try answer.text(options.format, width: console.terminal.outputWidth))
        } catch {
            console.fail(.describing(error))
        }
    }

    /// What an error is to the user. A cancelled task only knows that it was cancelled; the flag knows why.
    func failure(_ error: any Error) -> Failure {
        if error is CancellationError, let why = machine.cancellation.reason {
            return .describing(Interrupted(why))
        }
        return .describing(error)
    }

    private func end(_ failure: Failure) -> Int32 {
        console.fail(failure)
        return failure.status
    }

    private func result<Report: OperationReport>(
        _ name: String, _ operation: (String) async throws -> Report
    ) async -> InstanceResult<Report> {
        do {
            try machine.cancellation.check()
            return InstanceResult(name, try await operation(name))
        } catch {
            return InstanceResult(name, failure: failure(error))
        }
    }

    static func status<Report>(_ result: InstanceResult<Report>) -> Int32 {
        if let failure = result.failure { return failure.status }
        return switch result.outcome {
        case .done, .already, .planned, .skipped: 0
        case .partial: Failure.Kind.partial.rawValue
        case .failed: Failure.Kind.failed.rawValue
        }
    }

    /// One instance gives its own status; of several, one that failed makes 3, and what stopped them all its own.
    static func status(_ all: [Int32]) -> Int32 {
        if all.count == 1 { return all[0] }
        let stopped: Set = [Interruption.interrupt, .terminate, .timeout].reduce(into: Set<Int32>()) {
            $0.insert(Int32($1.rawValue))
        }
        if let why = all.first(where: stopped.contains) { return why }
        return all.allSatisfy { $0 == 0 } ? 0 : Failure.Kind.partial.rawValue
    }
}
