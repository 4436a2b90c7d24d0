// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSQLite
public import KecsState
import KecsSystem
public import SystemPackage

/// The result of `state import`, or its plan.
public struct DocumentReport: OperationReport {
    public static let kind = "DocumentReport"
    public var outcome: Outcome
    public var file: String
    /// The backup from before the first change.
    public var backup: String?
    public var changes: [StateChange]
    /// Members of the document that have no place in the database.
    public var ignored: [String]
    public var remarks: [String]
    public var durationSeconds: Double
}

public struct DocumentRequest: Sendable {
    public var file: FilePath
    /// True to remove the objects of the document's clusters that the document does not have.
    public var prune: Bool
    /// True to import although the instance is running.
    public var force: Bool
    public var dryRun: Bool

    public init(file: FilePath, prune: Bool = false, force: Bool = false, dryRun: Bool = false) {
        self.file = file
        self.prune = prune
        self.force = force
        self.dryRun = dryRun
    }
}

/// Brings the content of a document in the shapes of the ECS API into the database of an instance: missing rows are
/// added, differing ones are changed, and everything else stays.
public struct ImportDocument: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Imports the document. Call it under the instance's lock. Runs one transaction, after a backup; without a
    /// difference it makes neither.
    public func run(_ instance: Instance, _ request: DocumentRequest) async throws -> DocumentReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        let document = try read(request.file)
        var report = DocumentReport(
            outcome: .already, file: request.file.string, changes: [], ignored: [], remarks: [],
            durationSeconds: 0)
        let file = try await database(of: instance, request)
        // Only to find out whether there is anything to do: it is read again for the change itself.
        let planned = try describing(request.file) {
            try difference(
                document, try StateDatabase.open(file, .readOnly, cancellation: site.machine.cancellation),
                request)
        }
        (report.changes, report.ignored, report.remarks) = (planned.changes, planned.ignored, planned.remarks)
        guard !planned.changes.isEmpty, !request.dryRun else {
            if request.dryRun { report.outcome = .planned }
            report.durationSeconds = (clock.elapsed() - began).inSeconds
            return report
        }
        if !request.force, try await site.runtime(instance).state().mayWrite {
            throw Failure(
                .busy, "“\(instance.name)” is running", cause: "its control plane writes the same rows",
                remedy: "kecsctl stop \(instance.name) --no-backup")
        }
        report.backup = try await TakeBackup(site: site).run(
            instance, BackupRequest(reason: .beforeMigration, prune: false, force: request.force)
        ).backup?.id.description
        let state = try StateDatabase.open(file, cancellation: site.machine.cancellation)
        report.changes = try describing(request.file) {
            try state.database.transaction {
                let changes = try difference(document, state, request).changes
                try StateDocument.apply(changes, to: state.database)
                return changes
            }
        }
        report.outcome = .done
        report.durationSeconds = (clock.elapsed() - began).inSeconds
        return report
    }

    /// Returns the database's path. Makes the database if need be, where kecsctl makes it and not the server.
    private func database(of instance: Instance, _ request: DocumentRequest) async throws -> FilePath {
        do {
            return try await stateDatabase(of: instance, site)
        } catch let failure as Failure where failure.kind == .notFound {
            guard !request.dryRun, try !site.runtime(instance).server.makesItsDatabase else { throw failure }
            let file = try await instance.reachableData(site).appending(InstanceFolder.databaseName)
            try file.removingLastComponent().createFolder()
            _ = try StateDatabase.create(file, at: site.machine.clock.now())
            return file
        }
    }

    private func difference(
        _ document: JSONValue, _ state: StateDatabase, _ request: DocumentRequest
    ) throws -> StateDocument.Difference {
        try StateDocument.difference(
            of: document, from: state, prune: request.prune, now: site.machine.clock.now()
        ) { site.newUUID() }
    }

    private func read(_ file: FilePath) throws -> JSONValue {
        guard try file.isPresent else { throw Failure(.notFound, "there is no file \(file)") }
        do {
            return try JSONValue(parsing: String(decoding: file.contents(limit: 256 << 20), as: UTF8.self))
        } catch let error as JSONError {
            throw Failure(
                .usage, "\(file) cannot be read as a state", cause: "\(error)",
                remedy: "kecsctl state export --help")
        }
    }

    private func describing<Value>(_ file: FilePath, _ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let error as StateDocumentError {
            throw Failure(.usage, "\(file) cannot be imported", cause: "\(error)")
        } catch let error as StateError {
            if case .brokenReferences = error {
                throw Failure(.usage, "\(file) cannot be imported", cause: "\(error)")
            }
            throw error
        }
    }
}
