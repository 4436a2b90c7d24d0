// SPDX-License-Identifier: Apache-2.0
public import KecsArchive
public import KecsSystem
public import SystemPackage

/// Proves that a backup still has the content of its manifest.
public struct VerifyBackup: Sendable {
    public enum Depth: Sendable {
        /// Manifest, SHA256SUMS, presence and sizes.
        case quick
        /// Also every byte: digests, every gzip member's checksum, every tar header, the number of entries and bytes. Of an
        /// encrypted part only the digest.
        case full
    }

    public var depth: Depth
    public var threads: Int
    public var cancellation: Cancellation
    public var progress: any ProgressSink

    public init(depth: Depth, threads: Int, cancellation: Cancellation, progress: any ProgressSink) {
        self.depth = depth
        self.threads = threads
        self.cancellation = cancellation
        self.progress = progress
    }

    /// - Parameter parts: Names of the parts to read; nil for all.
    /// - Returns: The manifest.
    /// - Throws: `BackupDamage`, naming the first file that differs from its record.
    @discardableResult
    public func run(_ id: BackupID, in store: BackupStore, parts: Set<String>? = nil) throws -> Manifest {
        let manifest = try store.readManifest(of: id)
        let folder = store.folder.appending(id.description)
        if let details = manifest.details { try check(details, in: folder) }
        try run(manifest, parts: parts) { folder.appending($0.file) }
        return manifest
    }

    /// The same for archives that are elsewhere: a manifest that was read already, and where each part's archive is.
    public func run(
        _ manifest: Manifest, parts: Set<String>? = nil, archive: (Manifest.Part) -> FilePath
    ) throws {
        try run(manifest, parts, archive, inOrder: false) { _, _ in }
    }

    /// Also hands over the entries in their order.
    ///
    /// - Parameter each: Called with every entry of a full reading; the part is proven only when this call has returned.
    /// - Throws: Also any error of `each`.
    public func run(
        _ manifest: Manifest, parts: Set<String>?, archive: (Manifest.Part) -> FilePath,
        each: (Manifest.Part, ArchiveEntry) throws -> Void
    ) throws {
        try run(manifest, parts, archive, inOrder: true, each: each)
    }

    private func run(
        _ manifest: Manifest, _ parts: Set<String>?, _ archive: (Manifest.Part) -> FilePath, inOrder: Bool,
        each: (Manifest.Part, ArchiveEntry) throws -> Void
    ) throws {
        for part in manifest.parts where parts?.contains(part.name) ?? true {
            let file = archive(part)
            try part.checkPresence(at: file)
            if depth == .full {
                if part.encryption == nil {
                    try read(part, at: file, inOrder: inOrder) { try each(part, $0) }
                } else {
                    try readSealed(part, at: file)
                }
            }
        }
    }

    private func check(_ details: Manifest.Details, in folder: FilePath) throws {
        let file = folder.appending(details.file)
        guard let status = try FileStatus.of(file), status.kind == .file else {
            throw BackupDamage(file: details.file, why: "the file is missing")
        }
        guard depth == .full else { return }
        let found = try digest(of: file, cancellation: cancellation)
        guard found.sha256 == details.sha256 else {
            throw BackupDamage(
                file: details.file, why: "its SHA-256 is \(found.sha256) instead of \(details.sha256)")
        }
    }

    /// Without the key the digest is all that can be compared.
    private func readSealed(_ part: Manifest.Part, at file: FilePath) throws {
        progress.step("verifying \(part.file)", total: part.bytes)
        guard !part.isSegmented else {
            for segment in try part.segmentList(in: file).segments {
                let found = try digest(
                    of: file.appending(segment.file), cancellation: cancellation, progress: progress)
                guard found.sha256 == segment.sha256 else {
                    throw BackupDamage(
                        file: "\(part.file)/\(segment.file)",
                        why: "its SHA-256 is \(found.sha256) instead of \(segment.sha256)")
                }
            }
            return
        }
        let found = try digest(of: file, cancellation: cancellation, progress: progress)
        guard found.sha256 == part.sha256 else {
            throw BackupDamage(
                file: part.file, why: "its SHA-256 is \(found.sha256) instead of \(part.sha256)")
        }
    }

    private func read(
        _ part: Manifest.Part, at file: FilePath, inOrder: Bool, each: (ArchiveEntry) throws -> Void
    ) throws {
        progress.step("verifying \(part.file)", total: part.bytes)
        let check: ArchiveCheck
        do {
            if part.isSegmented, !inOrder {
                let list = try part.segmentList(in: file)
                return try checkSegments(
                    Array(list.segments.indices), of: list, in: file, compression: part.compression,
                    threads: threads, cancellation: cancellation, progress: progress)
            }
            check = try checkArchive(
                file, compression: part.compression, threads: threads, cancellation: cancellation,
                progress: progress, each: each)
        } catch let error as ArchiveError {
            let name = part.isSegmented ? error.file.lastComponent.map { "\(part.file)/\($0.string)" } : nil
            throw BackupDamage(file: name ?? part.file, why: error.why)
        }
        guard check.sha256 == part.sha256 else {
            throw BackupDamage(
                file: part.file, why: "its SHA-256 is \(check.sha256) instead of \(part.sha256)")
        }
        guard check.entries == part.entries, check.sourceBytes == part.sourceBytes else {
            throw BackupDamage(
                file: part.file,
                why: "it holds \(check.entries) entries and \(check.sourceBytes) bytes instead of "
                    + "\(part.entries) and \(part.sourceBytes)")
        }
    }
}
