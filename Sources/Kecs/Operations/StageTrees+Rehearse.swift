// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

/// A dry run reads a foreign source to its end, and asks of it what the run would ask once it is unpacked.
extension StageTrees {
    /// - Returns: The parts that something would come for.
    func rehearse(_ source: OpenedSource, _ places: [Place]) throws -> [String] {
        switch source.content {
        case .backup, .dump: return places.map(\.part)
        case .database(let file):
            let problems = try SQLiteDatabase.reading(file, cancellation: site.machine.cancellation)
                .integrityProblems(limit: 1, constraints: false)
            guard let first = problems.first else { return places.map(\.part) }
            throw BackupDamage(
                file: file.lastComponent?.string ?? file.string, why: "the database is damaged: \(first)")
        case .archive: break
        }
        let parts = try places.filter(rehearse).map(\.part)
        if parts.isEmpty, !places.isEmpty { throw nothingMatches(source) }
        return parts
    }

    private func rehearse(_ place: Place) throws -> Bool {
        var there = place.staging
        while try FileStatus.of(there) == nil { there = there.removingLastComponent() }
        let options = options(place, free: try site.machine.freeSpace(there), RootEntry())
        let above = place.subfolder.map { Array("\($0)/".utf8) } ?? []
        let wanted = Set(
            (inventory?.databases ?? []).filter { $0.part == place.part }.map { above + $0.path })
        site.machine.progress.step("reading \(place.archive)", total: nil)
        let found = try rehearseUnpacking(
            place.archive, options: options, threads: site.threads, cancellation: site.machine.cancellation
        ) { wanted.contains($0) }
        guard found.entries > 0 || request.paths.isEmpty else { return false }
        if let folder = place.subfolder {
            guard let entry = found.tree[Array(folder.utf8)] else { return false }
            guard entry.kind == .folder else { throw noFolder(place) }
        }
        try checkNothingIsLacking(place) { path in
            found.tree[above + path].map { StagedEntry(kind: $0.kind, head: $0.head) }
        }
        return true
    }

    private func noFolder(_ place: Place) -> BackupDamage {
        BackupDamage(
            file: place.archive.lastComponent?.string ?? place.archive.string,
            why: "“\(place.subfolder ?? "")” in it is no folder, which the part “\(place.part)” is")
    }
}
