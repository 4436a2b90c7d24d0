// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// Fills volumes that only their runtime can reach. They cannot be exchanged, so their content is backed up first.
struct FillVolumes: Sendable {
    let site: Site
    let instance: Instance
    let runtime: any Runtime

    /// Ensures that volumes can be restored into, before anything is touched. If this run is killed, the next one
    /// removes what was made for the check.
    ///
    /// - Parameter isRunning: True when the instance runs now.
    func makeReady(_ volumes: [String], isRunning: Bool) async throws {
        guard !volumes.isEmpty else { return }
        let journal = Journal(
            operation: "restore", startedAt: site.machine.clock.now(), runsAfterwards: isRunning,
            mayBeFrozen: true
        )
        try journal.write(to: instance.folder.journal)
        do {
            for volume in volumes { try await runtime.volumeAccess.makeReady(volume: volume) }
        } catch {
            throw await TakeBack(site: site, instance: instance).run(journal, restart: false, after: error)
        }
        try Journal.close(instance.folder.journal)
    }

    /// Checks the free space in the volumes.
    ///
    /// - Throws: `Failure(.noRoom)` when the content for a volume does not fit, as far as its size is known.
    func checkRoom(for places: [StageTrees.Place]) async throws {
        for place in places {
            guard case .volume(let name) = place.target, let record = place.record else { continue }
            let room = try await runtime.volumeAccess.room(inVolume: name)
            guard let free = room.free else { continue }
            // The volume is emptied first. The engine that fills it writes holes out.
            let needed = record.roomNeededWithoutHoles
            guard needed > free + (room.used ?? ByteCount(0)) else { continue }
            throw Failure(
                .noRoom, "not enough free space in the volume “\(name)” of “\(instance.name)”",
                cause: "\(free) are free where it lies, it holds \(room.used ?? ByteCount(0)), and about "
                    + "\(needed) are needed",
                remedy: room.remedy)
        }
    }

    /// Returns the fills to do. Backs up the present content of the volumes first.
    func keep(_ places: [StageTrees.Place]) async throws -> [Journal.VolumeFill] {
        try await keep(
            places.compactMap { place in
                guard case .volume(let name) = place.target else { return nil }
                return Journal.VolumeFill(
                    part: place.part, volume: name, archive: PathText(place.archive), kept: nil)
            })
    }

    /// Returns the fills that bring back what others replaced.
    ///
    /// - Throws: `Failure(.damaged)` when the backup of a volume's former content is gone or rotten.
    func reversed(_ fills: [Journal.VolumeFill], isRunning: Bool) async throws -> [Journal.VolumeFill] {
        let back = try fills.compactMap { fill in
            try fill.kept.map { kept in
                try check(kept.path, of: fill.volume)
                return Journal.VolumeFill(
                    part: fill.part, volume: fill.volume, archive: kept, kept: nil)
            }
        }
        try await makeReady(back.map(\.volume), isRunning: isRunning)
        return try await keep(back)
    }

    private func keep(_ fills: [Journal.VolumeFill]) async throws -> [Journal.VolumeFill] {
        guard !fills.isEmpty else { return [] }
        var parts: [String: String] = [:]
        for part in try await runtime.parts() {
            if let volume = part.volumeOutOfReach, fills.contains(where: { $0.volume == volume }) {
                parts[volume] = part.name
            }
        }
        guard !parts.isEmpty else { return fills }
        let backup = try await TakeBackup(site: site)
            .run(
                instance, BackupRequest(reason: .beforeRestore, parts: parts.values.sorted(), prune: false)
            ).backup
        return fills.map { fill in
            var fill = fill
            if let backup, let name = parts[fill.volume],
                let kept = backup.parts.first(where: { $0.name == name })
            {
                fill.kept = PathText(FilePath(backup.path).appending(kept.file))
            }
            return fill
        }
    }

    private func check(_ kept: FilePath, of volume: String) throws {
        func gone(_ why: String) -> Failure {
            Failure(
                .damaged, "what the volume “\(volume)” held cannot be brought back", cause: why,
                remedy: "kecsctl backups list \(instance.name)")
        }
        guard try kept.isPresent else { throw gone("\(kept) is not there any more") }
        let id = kept.removingLastComponent().lastComponent?.string ?? ""
        let backup = try instance.backups.find(id, instance: instance.name.description)
        guard let record = backup.manifest?.parts.first(where: { $0.file == kept.lastComponent?.string })
        else {
            throw gone("the backup “\(id)” does not know \(kept)")
        }
        let found = try digest(of: kept, cancellation: site.machine.cancellation)
        guard found.sha256 == record.sha256 else {
            throw gone("\(kept) has the SHA-256 \(found.sha256) instead of \(record.sha256)")
        }
    }

    /// Fills the volumes again with their former content.
    func takeBack(_ fills: [Journal.VolumeFill]) async throws {
        for fill in fills {
            guard let kept = fill.kept else { continue }
            try await runtime.volumeAccess.fillVolume(fill.volume, from: kept.path)
        }
    }
}
