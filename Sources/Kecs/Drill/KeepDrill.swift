// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// Keeps what a drill found, and lets it count.
struct KeepDrill: Sendable {
    let site: Site
    let command: String

    /// Writes the evidence first: a mark without one would be a claim.
    ///
    /// - Parameter copy: What was drilled, when it lies on a remote.
    /// - Returns: The file of the evidence.
    func run(_ report: DrillReport, of name: InstanceName, _ copy: RemoteBackup?) async throws -> FilePath {
        let passed = report.problems.isEmpty
        let store = site.home.backupStore(of: name)
        let file = try PastDrills(store).add(
            InstanceResult(name.description, report), at: report.startedAt, passed: passed)
        let result = BackupMark.Drill(
            at: report.startedAt, passed: passed, why: report.problems.first?.sentence)
        guard let copy else {
            try store.mark(report.backup) { $0.drill = result }
            return file
        }
        // Bytes that are damaged there say nothing of those here; all else is as true of the backup as of its copy.
        let isDamage = report.problems.contains { $0.kind == .damaged }
        let sums = store.folder.appending(report.backup.description).appending(BackupStore.sumsName)
        if !isDamage, try sums.isPresent,
            sha256(try sums.contents(limit: BackupStore.largestRecord)) == copy.sums
        {
            try store.mark(report.backup) { $0.drill = result }
        }
        if !passed { try await note(report, isDamage, of: copy) }
        return file
    }

    /// A copy that failed is no good one, as long as it is not read again and found equal.
    private func note(_ report: DrillReport, _ isDamage: Bool, of copy: RemoteBackup) async throws {
        guard copy.isOurs, let instance = InstanceName(copy.instance) else { return }
        var past = try PastCopies(site.home.backupStore(of: instance))
        let lock = try await past.lock(copy.remote, site, command: command, wait: .seconds(60))
        defer { lock.unlock() }
        try past.refresh(copy.remote)
        guard var known = past.all[copy.remote]?[copy.id], known.sums == copy.sums, known.isVerified
        else { return }
        if isDamage {
            known.state = .damaged
            known.problem = report.problems.first?.sentence
        } else {
            known.isGood = false
        }
        try past.set(copy.id, known, at: copy.remote)
    }
}
