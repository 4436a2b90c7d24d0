// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
public import SystemPackage

/// Unpacks a backup's parts into a folder of their own, for `restore --into DIR`; the instance is not touched.
public struct ExtractBackup: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Unpacks the parts.
    ///
    /// - Parameter folder: Must be missing or empty.
    public func run(
        _ name: InstanceName, _ request: RestoreRequest, into folder: FilePath
    ) async throws -> RestoreReport {
        let clock = site.machine.clock
        let began = clock.elapsed()
        // The configuration may be gone: of the instance only the backups are needed, and the settings of their keys.
        var instance = try site.instance(
            name,
            config: InstanceConfig(name: name, id: "", createdAt: clock.now(), runtime: .local))
        instance.settings = try site.settings(ofBackupsOf: name)
        let opened = try await OpenRestoreSource(site: site)
            .run(request.from, for: instance, parts: request.parts)
        defer { opened.close() }
        guard case .backup(let backup, let manifest) = opened.content else {
            throw Failure(
                .usage, "only backups can be unpacked with --into", cause: "\(opened.name) is a foreign file",
                remedy: "kecsctl restore \(name) --from \(opened.name)")
        }
        let isEmpty = try !folder.isPresent || (folder.isFolder && folder.entries().isEmpty)
        guard isEmpty else {
            throw Failure(
                .usage, "“\(folder)” is not an empty folder",
                remedy: "ls -A \(ShellWords.quote([folder.string]))")
        }
        let parts = manifest.parts.filter { request.parts?.contains($0.name) ?? true }
        let needed = parts.total(\.roomNeeded.bytes)
        let free = try site.machine.freeSpace(folder)
        guard ByteCount(needed) <= free else {
            throw Failure(
                .noRoom, "not enough free space in “\(folder)”",
                cause: "\(free) are free and about \(ByteCount(needed)) are needed",
                remedy: "kecsctl restore \(name) --from \(backup.id) --into /mnt/big")
        }
        if request.dryRun {
            return RestoreReport(
                outcome: .planned, from: opened.name, parts: parts.map(\.name), undo: nil, state: "",
                durationSeconds: 0)
        }
        let wasPresent = try folder.isPresent
        var notes: [String] = []
        var entries = 0
        do {
            try folder.createFolder()
            for part in parts {
                let target = folder.appending(part.name)
                try target.createFolder()
                let globs = request.paths
                let label = part.root == .configuration ? "" : "\(part.root)"
                var options = UnpackOptions(
                    expectedSHA256: part.sha256, maxEntries: part.entries, maxBytes: part.sourceBytes,
                    owners: request.owners)
                options.isKept = true
                options.readsOnlySelected = !globs.isEmpty
                options.select = { path in
                    globs.isEmpty || globs.contains { $0.matches(path, in: part.name, label: label) }
                }
                site.machine.progress.step("unpacking \(part.name)", total: part.sourceBytes)
                let done = try unpackArchive(
                    backup.archive(of: part), into: target, options: options, threads: site.threads,
                    cancellation: site.machine.cancellation, progress: site.machine.progress)
                entries += done.entries
                if done.setIDRemoved > 0 {
                    notes.append(
                        "\(part.name): set-uid and set-gid bits were removed from \(done.setIDRemoved) files")
                }
                if done.ownersNotSet > 0 {
                    notes.append(
                        "\(part.name): the owner of \(done.ownersNotSet) entries could not be set without root"
                    )
                }
            }
            guard entries > 0 || request.paths.isEmpty else {
                throw Failure(
                    .notFound, "nothing in “\(opened.name)” matches --path",
                    cause: request.paths.map(\.description).joined(separator: ", "),
                    remedy: "kecsctl backups ls \(name)/\(backup.id) -R -o name")
            }
            try folder.syncFileSystem()
        } catch {
            for part in parts where try folder.appending(part.name).isPresent {
                try folder.appending(part.name).removeTree()
            }
            if !wasPresent, try folder.isPresent { try folder.removeTree() }
            throw error
        }
        return RestoreReport(
            outcome: .done, from: opened.name, parts: parts.map(\.name), undo: nil, state: "",
            durationSeconds: (clock.elapsed() - began).inSeconds, notes: notes)
    }
}
