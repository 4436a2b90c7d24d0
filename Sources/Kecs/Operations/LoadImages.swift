// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsArchive
import KecsSystem
import SystemPackage

/// Gives the engine the images that an instance's backups have saved and that it lacks, before a container is made of them.
struct LoadImages {
    let site: Site

    /// - Returns: What was done, for people.
    func run(_ instance: Instance) async throws -> [String] {
        var seen: Set<String> = []
        var notes: [String] = []
        guard try SaveImages.folder(instance.backups).isFolder, let engine = try site.images?(instance) ?? nil
        else {
            return []
        }
        // The newest first: it has the image that the instance ran with last.
        for image in try instance.backups.all().flatMap({ $0.manifest?.images ?? [] }) {
            guard let saved = image.saved, saved.isInItsFolder, seen.insert(image.reference).inserted else {
                continue
            }
            let file = instance.backups.folder.appending(saved.file)
            guard try await engine.id(of: image.reference) == nil,
                let status = try FileStatus.of(file), status.kind == .file, status.size == saved.bytes
            else { continue }
            site.machine.progress.step("loading the image \(image.reference)", total: saved.bytes)
            let sum = try digest(
                of: file, cancellation: site.machine.cancellation, progress: site.machine.progress)
            guard sum.sha256 == saved.sha256 else {
                // Told at once: a start that then finds no image anywhere ends with an error, and without notes.
                site.log("the saved image “\(image.reference)” is damaged and was not loaded: see \(file)")
                continue
            }
            try await engine.load(file, as: UsedImage(reference: image.reference, id: image.id))
            notes.append("the image “\(image.reference)” was loaded from \(file)")
        }
        return notes
    }
}
