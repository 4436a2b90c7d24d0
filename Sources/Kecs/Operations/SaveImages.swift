// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import SystemPackage

/// Notes in a backup which images the instance's containers are made of, and on request saves them beside the backups, each
/// once, so that a start needs no registry.
struct SaveImages {
    let site: Site
    let instance: Instance

    /// Beside the backups, since several of them have the same images.
    static func folder(_ store: BackupStore) -> FilePath { store.folder.appending("images") }

    /// - Parameter saves: False to only note them.
    /// - Returns: Nil for an instance without an engine.
    func run(saves: Bool) async throws -> [Manifest.Image]? {
        guard let engine = try site.images?(instance) ?? nil else { return nil }
        let used: [UsedImage]
        do { used = try await engine.used() } catch let failure as Failure where !saves {
            // The note is worth no backup.
            site.machine.progress.step("images unknown: \(failure.message)", total: nil)
            return nil
        }
        var images: [Manifest.Image] = []
        for image in Set(used).sorted(by: { ($0.reference, $0.id) < ($1.reference, $1.id) }) {
            try site.machine.cancellation.check()
            images.append(
                Manifest.Image(
                    reference: image.reference, id: image.id,
                    saved: saves ? try await save(image, engine) : try known(image)))
        }
        return images.isEmpty ? nil : images
    }

    /// The record of an archive that an earlier backup made of the same image, if its file is still there.
    private func known(_ image: UsedImage) throws -> Manifest.SavedImage? {
        for backup in try instance.backups.all() {
            for other in backup.manifest?.images ?? [] where other.id == image.id {
                guard other.reference == image.reference, let saved = other.saved, saved.isInItsFolder,
                    let status = try FileStatus.of(instance.backups.folder.appending(saved.file)),
                    status.kind == .file, status.size == saved.bytes
                else { continue }
                return saved
            }
        }
        return nil
    }

    private func save(_ image: UsedImage, _ engine: any ImageEngine) async throws -> Manifest.SavedImage {
        if let saved = try known(image) { return saved }
        let folder = Self.folder(instance.backups)
        try folder.createFolder()
        try sweepDrafts(folder)
        let needed = ByteCount(try await engine.size(of: image.id) ?? 0)
        let free = try site.machine.freeSpace(folder)
        guard needed <= free else {
            throw GainRoom(site: site, instance: instance).failure(
                "not enough free space to save the image “\(image.reference)”", needed: needed, free: free,
                in: folder)
        }
        site.machine.progress.step("saving the image \(image.reference)", total: nil)
        let name = Self.name(of: image)
        let draft = folder.appending(".\(name)\(Self.draft)")
        do {
            try await engine.save(image, to: draft)
            try draft.setMode(0o600)
            try draft.sync()
            let status = try FileStatus.of(draft)
            let sum = try digest(
                of: draft, cancellation: site.machine.cancellation, progress: site.machine.progress)
            try draft.rename(to: folder.appending(name))
            try folder.sync()
            return Manifest.SavedImage(file: "images/\(name)", bytes: status?.size ?? 0, sha256: sum.sha256)
        } catch {
            if (try? draft.isPresent) == true { try draft.remove() }
            throw error
        }
    }

    /// A name that says which image it is: its reference, as far as a file name can hold it, and 12 digits of its id, as
    /// many as engines show.
    static func name(of image: UsedImage) -> String {
        let digest = image.id.split(separator: ":").last.map(String.init) ?? image.id
        let reference = image.reference.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
        return "\(String(reference.prefix(100)))-\(digest.prefix(12)).tar"
    }

    private static let draft = ".draft"

    private func sweepDrafts(_ folder: FilePath) throws {
        for name in try folder.entries() where name.string.hasSuffix(Self.draft) {
            try folder.appending(name).remove()
        }
    }

    /// Removes the archives that no backup names. Leaves all of them while a backup cannot be read.
    func sweep() throws {
        let folder = Self.folder(instance.backups)
        guard try folder.isFolder else { return }
        var wanted: Set<String> = []
        for backup in try instance.backups.all() {
            if case .incomplete = backup.state { continue }
            guard let manifest = backup.manifest else { return }
            wanted.formUnion((manifest.images ?? []).compactMap(\.saved?.file))
        }
        for name in try folder.entries() where !wanted.contains("images/\(name.string)") {
            try folder.appending(name).remove()
        }
    }
}
