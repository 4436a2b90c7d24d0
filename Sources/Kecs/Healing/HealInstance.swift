// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
public import KecsSystem
import SystemPackage

/// Finishes or rolls back the operation on an instance that a killed kecsctl left. Called under the instance's lock.
///
/// It handles files, and a server only as far as the files need it. A server that must run again becomes a `Duty`,
/// which the next holder of the lock fulfils.
public struct HealInstance: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// - Returns: A sentence for people for each thing that was repaired; empty when there was nothing to repair.
    public func run(_ instance: Instance) async throws -> [String] {
        var told = try RemoveRemnants(site: site).run(instance)
        try await CloneDraft.sweep(site)
        let journal: Journal?
        do {
            journal = try Journal.read(instance.folder.journal)
        } catch let error as JSONFileError {
            throw Failure(
                .failed, "the journal of “\(instance.name)” cannot be read",
                cause: "\(error.path): \(error.why)",
                remedy: "kecsctl status \(instance.name)")
        }
        guard let journal else {
            if try instance.folder.restoring.isPresent {
                instance.folder.restoring.discard(into: instance.folder.path, site.machine.cancellation)
                told.append("cleared away what a killed run left: .restoring")
            }
            return told
        }

        // Two programs that start and stop the same thing would undo each other's work.
        if let process = journal.process {
            try await Orphans.end(of: process, clock: site.machine.clock)
        }
        if journal.operation == Journal.runtimeMigration, journal.swap?.phase == .swapping {
            return told + [try await MigrateRuntime(site: site).resume(journal, of: instance)]
        }
        if let swap = journal.swap {
            try await swap.checkPlaces(of: instance, site)
            switch swap.phase {
            case .staging:
                try swap.takeBack(site.machine.cancellation)
                told.append("took back the \(journal.operation) that was interrupted on \(journal.startedAt)")
            case .swapping:
                // A server that mounted the old tree must not meet the new one half-way.
                let runtime = try site.runtime(instance)
                if journal.runsAfterwards { try await runtime.stop(limit: .seconds(60)) }
                for fill in journal.fills ?? [] {
                    try await runtime.volumeAccess.fillVolume(fill.volume, from: fill.archive.path)
                }
                try swap.finish(site.machine.cancellation)
                try PreviousStack(folder: instance.folder).settle(after: swap, site.machine.cancellation)
                told.append("finished the \(journal.operation) that was interrupted on \(journal.startedAt)")
            }
        }
        try hand(journal, over: instance)
        instance.folder.restoring.discard(into: instance.folder.path, site.machine.cancellation)
        return told
    }

    /// Turns the journal into the killed operation's duty: that the instance runs, or that helpers go.
    private func hand(_ journal: Journal, over instance: Instance) throws {
        guard journal.runsAfterwards || journal.mayBeFrozen else {
            return try Journal.close(instance.folder.journal)
        }
        let duty = Duty(
            operation: journal.operation, since: journal.startedAt,
            because: "the \(journal.operation) of \(journal.startedAt) was interrupted",
            mayBeFrozen: journal.mayBeFrozen, mayBeStopped: journal.mayBeStopped == true,
            mustRun: journal.runsAfterwards)
        try journal.settle(as: duty, in: instance.folder)
    }
}

extension Site {
    /// Creates a site whose instances are healed whenever they are locked.
    public init(
        machine: Machine, home: Home, tool: Manifest.Tool, threads: Int = Threads.processors,
        runtime: @escaping @Sendable (Instance) throws -> any Runtime
    ) {
        self.init(
            machine: machine, home: home, tool: tool, threads: threads,
            heal: { try await HealInstance(site: $0).run($1) }, runtime: runtime)
    }
}
