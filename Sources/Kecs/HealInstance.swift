// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem

/// Finishes or takes back what a killed kecsctl left of an instance. Called under the instance's lock.
public struct HealInstance: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// - Returns: A sentence for people for each thing that was put right; empty when all was well.
    public func run(_ instance: Instance) async throws -> [String] {
        var told: [String] = []
        for name in try instance.backups.sweep() { told.append("removed what a killed run left: \(name)") }
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
                told.append("finished the \(journal.operation) that was interrupted on \(journal.startedAt)")
            }
        }
        // The configuration may have changed hands with the swap.
        let instance = try site.instance(instance.name, flags: instance.settings.flags)
        let runtime = try site.runtime(instance)
        if journal.mayBeFrozen { try await runtime.thaw() }
        if journal.runsAfterwards, runtime.runsSomething {
            let state = await runtime.state()
            if state != .running {
                try await runtime.start(limit: .seconds(120))
                told.append(
                    "started “\(instance.name)” again: the \(journal.operation) of \(journal.startedAt) was interrupted"
                )
            }
        }
        try Journal.close(instance.folder.journal)
        _ = try sweepStaging(of: instance)
        return told
    }

    /// Without a swap under way nothing in `.restoring/` can be anybody's.
    private func sweepStaging(of instance: Instance) throws -> Bool {
        guard instance.folder.restoring.isPresent else { return false }
        try instance.folder.restoring.removeTree()
        return true
    }
}
