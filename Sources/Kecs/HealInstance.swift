// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import SystemPackage

/// Finishes or takes back what a killed kecsctl left of an instance. Called under the instance's lock.
public struct HealInstance: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// - Returns: A sentence for people for each thing that was put right; empty when all was well.
    public func run(_ instance: Instance) async throws -> [String] {
        var told: [String] = []
        for name in try instance.backups.sweep() { told.append("removed what a killed run left: \(name)") }
        try sweepDrafts(of: instance)
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
            if try sweepStaging(of: instance) { told.append("removed what a killed run left: .restoring") }
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
            switch swap.phase {
            case .staging:
                try swap.takeBack()
                told.append("took back the \(journal.operation) that was interrupted on \(journal.startedAt)")
            case .swapping:
                // A server that bound the old tree must not meet the new one half-way.
                let runtime = try site.runtime(instance)
                if journal.runsAfterwards { try await runtime.stop(limit: .seconds(60)) }
                for fill in journal.fills ?? [] {
                    try await runtime.fillVolume(fill.volume, from: fill.archive.path)
                }
                try swap.finish()
                try RestoreBackup(site: site).dropOlderPrevious(in: instance.folder, but: swap.id)
                told.append("finished the \(journal.operation) that was interrupted on \(journal.startedAt)")
            }
        }
        // The configuration may have changed hands with the swap.
        let instance = try site.instance(instance.name, flags: instance.settings.flags)
        let runtime = try site.runtime(instance)
        if journal.mayBeFrozen { try await runtime.thaw() }
        if journal.runsAfterwards, runtime.runsSomething {
            if journal.mayBeStopped == true { try await runtime.stopAgain() }
            if await runtime.state() != .running {
                told.append(try await startAgain(instance, runtime, after: journal))
            }
        }
        try Journal.close(instance.folder.journal)
        _ = try sweepStaging(of: instance)
        return told
    }

    /// A server that does not come up is told, not thrown: else nothing could be done with the instance any more, not
    /// even what would make it come up. While nobody can start it, the journal stays.
    private func startAgain(
        _ instance: Instance, _ runtime: any Runtime, after journal: Journal
    ) async throws -> String {
        do {
            try await runtime.start(limit: .seconds(120))
            return
                "started “\(instance.name)” again: the \(journal.operation) of \(journal.startedAt) was interrupted"
        } catch {
            try site.machine.cancellation.check()
            let failure = Failure.describing(error)
            if failure.kind == .unreachable { throw failure }
            return "could not start “\(instance.name)” again, which ran before the \(journal.operation) of "
                + "\(journal.startedAt) was interrupted: \(failure.message)"
                + (failure.cause.map { ": \($0)" } ?? "")
        }
    }

    /// Drafts of our small files, which a killed run had not renamed yet: `.config.json.812.draft`.
    private func sweepDrafts(of instance: Instance) throws {
        let own = ["config.json", "journal.json", "server.json", "containers.json"]
        for name in try instance.folder.path.entries() {
            let text = name.string
            guard text.hasSuffix(".draft"), own.contains(where: { text.hasPrefix(".\($0).") }) else {
                continue
            }
            try instance.folder.path.appending(name).remove()
        }
    }

    /// Without a swap under way nothing in `.restoring/` can be anybody's.
    private func sweepStaging(of instance: Instance) throws -> Bool {
        guard instance.folder.restoring.isPresent else { return false }
        try instance.folder.restoring.removeTree()
        return true
    }
}
