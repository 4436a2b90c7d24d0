// SPDX-License-Identifier: Apache-2.0
import KecsStorage
import KecsSystem
import SystemPackage

/// A volume that only its runtime can reach cannot be exchanged: what it holds is backed up first.
struct FillVolumes: Sendable {
    let site: Site
    let instance: Instance
    let runtime: any Runtime

    /// Backs up what the volumes among the places hold now.
    func keep(_ places: [StageTrees.Place]) async throws -> [Journal.VolumeFill] {
        var fills: [(part: String, fill: Journal.VolumeFill)] = []
        for place in places {
            guard case .volume(let name) = place.target else { continue }
            fills.append(
                (place.part, Journal.VolumeFill(volume: name, archive: PathText(place.archive), kept: nil)))
        }
        guard !fills.isEmpty else { return [] }
        let names = fills.map(\.part)
        let there = try await runtime.parts().map(\.name).filter(names.contains)
        guard !there.isEmpty else { return fills.map(\.fill) }
        let backup = try await TakeBackup(site: site)
            .run(instance, BackupRequest(reason: .beforeRestore, parts: there, prune: false)).backup
        return fills.map { part, fill in
            var fill = fill
            if let backup, let kept = backup.parts.first(where: { $0.name == part }) {
                fill.kept = PathText(FilePath(backup.path).appending(kept.file))
            }
            return fill
        }
    }

    /// Fills them again with what they held.
    func takeBack(_ fills: [Journal.VolumeFill]) async throws {
        for fill in fills {
            guard let kept = fill.kept else { continue }
            try await runtime.fillVolume(fill.volume, from: kept.path)
        }
    }
}
