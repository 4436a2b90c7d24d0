// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

/// What helps against a full disk, what costs least first, each with what it brings: fewer backups, no free pages in the
/// database, what `undo` keeps, a larger disk.
struct GainRoom: Sendable {
    let site: Site
    let instance: Instance

    struct Step: Hashable {
        var bytes: Int64
        var sentence: String
        var remedy: String
    }

    /// What can be had on the file system of that folder.
    ///
    /// What cannot be looked at is left out: this only goes with another error.
    func steps(on folder: FilePath) -> [Step] {
        [backups, freePages, previous].compactMap { step in (try? step(folder)) ?? nil }
    }

    func failure(_ message: String, needed: ByteCount, free: ByteCount, in folder: FilePath) -> Failure {
        let steps = steps(on: folder)
        let missing = ByteCount(max(0, needed.bytes - free.bytes))
        let advice = steps.map(\.sentence) + ["a larger disk needs \(missing) more"]
        return Failure(
            .noRoom, message,
            cause: "\(free) are free in \(folder) and about \(needed) are needed; "
                + (steps.isEmpty ? "" : "in this order: ") + advice.joined(separator: "; "),
            // One that is enough by itself before one that is not.
            remedy: (steps.first { $0.bytes >= missing.bytes } ?? steps.first)?.remedy
                ?? ShellWords.quote(["df", "-h", folder.string]))
    }

    private func backups(_ folder: FilePath) throws -> Step? {
        guard try isSame(folder, instance.backups.folder) else { return nil }
        let all = try instance.backups.all()
        let verdicts = Retention(last: 1).verdicts(
            for: all.map(\.candidate), at: site.machine.clock.now(), in: try instance.settings.localTime())
        let kept = Set(verdicts.filter(\.isKept).map(\.id))
        func stored(_ backups: [StoredBackup]) throws -> Int64 {
            try BackupTotals(backups.map { BackupSummary($0, instance: "\(instance.name)") }).storedBytes
        }
        // A file that a kept backup shares stays.
        let gain = try stored(all) - stored(all.filter { kept.contains($0.id) })
        let count = all.count - kept.count
        guard count > 0, gain > 0 else { return nil }
        return Step(
            bytes: gain,
            sentence:
                "pruning the \(count) older backup\(count == 1 ? "" : "s") frees \(ByteCount(gain))",
            remedy: "kecsctl backups prune \(instance.name) --keep 1")
    }

    private func freePages(_ folder: FilePath) throws -> Step? {
        let file = try instance.databaseFile()
        guard try isSame(folder, file), try DatabaseEngine.isSQLite(file) else { return nil }
        let database = try SQLiteDatabase(file, .readOnly, busyTimeout: .zero)
        let free = try database.value("PRAGMA freelist_count")?.integer ?? 0
        let size = try database.value("PRAGMA page_size")?.integer ?? 0
        guard free > 0 else { return nil }
        return Step(
            bytes: free * size, sentence: "vacuuming the database frees \(ByteCount(free * size))",
            remedy: "kecsctl db maintain \(instance.name)")
    }

    /// Goes with the first retention after seven days; until then only with the next restores.
    private func previous(_ folder: FilePath) throws -> Step? {
        guard try isSame(folder, instance.folder.previous) else { return nil }
        let bytes = try PreviousStack(folder: instance.folder).bytes(site.machine.cancellation)
        guard bytes > 0 else { return nil }
        return Step(
            bytes: bytes, sentence: "what “undo” keeps takes \(ByteCount(bytes)), until it is seven days old",
            remedy: "kecsctl undo \(instance.name) --list")
    }

    private func isSame(_ one: FilePath, _ other: FilePath) throws -> Bool {
        guard let device = try FileStatus.following(one)?.device else { return false }
        return try FileStatus.following(other)?.device == device
    }
}
