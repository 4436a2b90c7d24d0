// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// The result of `reset`, or its plan.
public struct ResetReport: OperationReport {
    public static let kind = "ResetReport"
    public var outcome: Outcome
    /// Parts that are empty now.
    public var parts: [String]
    /// The backup of the earlier state.
    public var backup: BackupSummary?
    /// The id of the exchange that `undo` reverses.
    public var undo: String?
    public var state: String
    /// The reason why an instance that ran does not run again.
    public var startError: Failure?
    public var notes: [String]
}

/// Backs up, then replaces an instance's data by empty folders, by the same exchange as a restore: `undo` restores the
/// old ones.
public struct ResetInstance: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Resets the instance. Call it under the instance's lock.
    public func run(
        _ instance: Instance, force: Bool = false, dryRun: Bool = false
    ) async throws -> ResetReport {
        let runtime = try site.runtime(instance)
        let state = await runtime.state()
        if case .unknown(let why) = state { throw Failure.unknownState(of: instance, why) }
        let folders = try await folders(of: instance)
        var report = ResetReport(
            outcome: .already, parts: folders.map(\.part), state: state.name, notes: [])
        guard !folders.isEmpty else { return report }
        if state.mayWrite, let loss = try await runtime.engine.lossWhenStopped() { throw loss }
        let live = folders.map { Part(name: $0.part, place: .folder($0.live)) }
        var demand = FindHolders.Demand(verb: "reset", force: force)
        let holders = FindHolders(site: site)
        report.notes = try await holders.check(instance, live, demand)
        if dryRun {
            report.outcome = .planned
            return report
        }
        report.backup = try await backUp(instance)
        report.notes += try await KeepPreviousTrees(site: site, instance: instance).run()

        let id = try RestoreBackup(site: site).freeSwapID(
            site.machine.clock.now(), "reset", in: instance.folder)
        let kept = instance.folder.previous.appending(id)
        let trees = try folders.map { folder in
            StagedTree(
                part: folder.part,
                staged: try StagedTree.stagingFolder(
                    for: folder.live, part: folder.part, id: id, in: instance.folder),
                target: .folder(folder.live), label: folder.part)
        }
        var journal = Journal(
            operation: "reset", startedAt: site.machine.clock.now(), runsAfterwards: state.mayWrite,
            swap: Swap(
                id: id, from: "reset", units: [], staging: trees.map(\.staged), previous: kept))
        try journal.write(to: instance.folder.journal)
        var stopBegan = false
        do {
            for (tree, folder) in zip(trees, folders) { try makeEmpty(tree.staged, like: folder.live) }
            if state.mayWrite {
                stopBegan = true
                journal.mayBeStopped = true
                try journal.write(to: instance.folder.journal)
                try await runtime.stop(limit: .seconds(60))
            }
            // A process may have come meanwhile.
            demand.isStopped = true
            _ = try await holders.check(instance, live, demand)
            journal.swap?.units = try trees.flatMap { try $0.units(kept: kept, id: id) }
            for tree in trees { try tree.staged.syncFileSystem() }
            try site.machine.cancellation.check()
            journal.swap?.phase = .swapping
            try journal.write(to: instance.folder.journal)
            try journal.swap?.exchange()
        } catch {
            throw await TakeBack(site: site, instance: instance).run(
                journal, restart: stopBegan, after: error)
        }

        // From here on the reset is complete.
        report.undo = id
        try journal.swap?.removeStaging(site.machine.cancellation)
        instance.folder.restoring.discard(into: instance.folder.path, site.machine.cancellation)
        if let swap = journal.swap {
            try PreviousStack(folder: instance.folder).settle(after: swap, site.machine.cancellation)
        }
        report.notes += try await acceptAsEmpty(instance)
        if state.mayWrite {
            report.startError = try await site.startAgain(instance, after: journal)
        } else {
            try Journal.close(instance.folder.journal)
        }
        report.state = await runtime.state().name
        report.outcome = report.startError == nil ? .done : .partial
        return report
    }

    private struct Folder {
        var part: String
        var live: FilePath
    }

    /// Returns the state's folders, as far as there is something in them.
    private func folders(of instance: Instance) async throws -> [Folder] {
        try await site.inventory(of: instance, databases: .none).parts.compactMap { part in
            guard part.role == .data || part.role == .objects else { return nil }
            switch part.presence {
            case .missing, .empty: return nil
            case .present, .unreadable: break
            }
            guard case .folder(let live) = part.part.place.onHost else {
                throw Failure(
                    .failed, "the part “\(part.part.name)” of “\(instance.name)” cannot be emptied here",
                    cause:
                        "it is a volume whose folder is not open to this user, or a file that is mounted alone",
                    remedy: "sudo kecsctl reset \(instance.name)")
            }
            return Folder(
                part: part.part.name,
                live: try FileStatus.of(live)?.kind == .symlink ? live.resolved() : live)
        }
    }

    private func backUp(_ instance: Instance) async throws -> BackupSummary? {
        do {
            let taken = try await TakeBackup(site: site).run(
                instance, BackupRequest(labels: ["before": "reset"], prune: false))
            if let lack = taken.lackError { throw lack }
            if let failure = taken.startError { throw failure }
            return taken.backup
        } catch {
            let failure = Failure.describing(error, doing: "back up “\(instance.name)”")
            throw Failure(
                failure.kind, "“\(instance.name)” was not reset, because its backup failed",
                cause: failure.sentence, remedy: failure.remedy ?? "kecsctl backup \(instance.name)")
        }
    }

    /// Makes an empty folder. The server that writes into the old one must be able to write into it.
    private func makeEmpty(_ folder: FilePath, like live: FilePath) throws {
        try folder.createFolder()
        guard let status = try FileStatus.of(live) else { return }
        try folder.setOwner((user: status.owner, group: status.group))
        try folder.setMode(status.mode)
    }

    /// Accepts the present state as empty. A start would take an empty state for a lost one, and a backup would count
    /// as lacking. So this takes a backup of the present state that records that nothing is lost.
    private func acceptAsEmpty(_ instance: Instance) async throws -> [String] {
        do {
            if try !site.runtime(instance).server.makesItsDatabase {
                _ = try await CreateDatabase(site: site).run(instance)
            }
            var request = BackupRequest(labels: ["after": "reset"], prune: false)
            request.acceptsEveryLoss = true
            _ = try await TakeBackup(site: site).run(instance, request)
            return []
        } catch {
            let failure = Failure.describing(error, doing: "back up the empty state")
            return [
                "\(failure.sentence); until a backup accepts the empty state, a start brings the old one back"
            ]
        }
    }
}
