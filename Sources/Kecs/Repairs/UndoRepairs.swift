// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
import SystemPackage

/// The result of a repair by `doctor --fix`.
public struct RepairResult: Encodable, Sendable, Hashable {
    public var check: String
    public var instance: String?
    /// The problem that was found.
    public var message: String
    /// A command line that would do the same.
    public var change: String
    public var outcome: Outcome
    public var error: String?

    public init(check: String, instance: String?, message: String, change: String, outcome: Outcome) {
        self.check = check
        self.instance = instance
        self.message = message
        self.change = change
        self.outcome = outcome
    }
}

/// Undoes the last `doctor --fix` of an instance, or of the home.
public struct UndoRepairs: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Returns the time of the last run; nil when there is none to undo. For `undo`, which undoes the newest change.
    public func last(_ name: InstanceName?) throws -> Moment? {
        guard let file = try RepairRecord.all(in: RepairRecord.folder(site, name)).last else { return nil }
        return try RepairRecord.read(file).at
    }

    /// Returns the time at which the record of the last run was written, by the file system.
    func recorded(_ name: InstanceName?) throws -> Moment? {
        guard let file = try RepairRecord.all(in: RepairRecord.folder(site, name)).last else { return nil }
        return try FileStatus.of(file)?.modified
    }

    /// Returns the repairs that `run` would undo.
    func plan(_ name: InstanceName?) throws -> [RepairResult] {
        guard let file = try RepairRecord.all(in: RepairRecord.folder(site, name)).last else { return [] }
        return try RepairRecord.read(file).steps.reversed().map { step in
            RepairResult(
                check: step.check, instance: name?.description, message: step.message,
                change: step.repair.takingBack, outcome: .planned)
        }
    }

    /// Undoes the last run's repairs. Call it under the instance's lock. Anything that another program has changed
    /// since then is left as it is.
    public func run(_ name: InstanceName?) throws -> [RepairResult] {
        guard let file = try RepairRecord.all(in: RepairRecord.folder(site, name)).last else {
            throw Failure(.notFound, "no repair of “\(name?.description ?? "the home")” can be taken back")
        }
        let record = try RepairRecord.read(file)
        var results: [RepairResult] = []
        for step in record.steps.reversed() {
            var result = RepairResult(
                check: step.check, instance: name?.description, message: step.message,
                change: step.repair.takingBack, outcome: .done)
            do {
                if try !step.repair.takeBack() { result.outcome = .skipped }
            } catch {
                result.outcome = .failed
                let failure = Failure.describing(error)
                result.error = failure.cause ?? failure.message
            }
            results.append(result)
        }
        // A run that could not be undone completely keeps its record, to be retried.
        if !results.contains(where: { $0.outcome == .failed }) { try file.remove() }
        return results
    }
}
