// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
public import SystemPackage

/// All backups of an instance: the folder `backups/NAME`.
public struct BackupStore: Sendable {
    public let folder: FilePath

    public init(folder: FilePath) { self.folder = folder }

    public static let manifestName = "manifest.json"
    public static let sumsName = "SHA256SUMS"
    public static let markName = "mark.json"
    /// What a manifest hides, in plain: only where the backup was made or decrypted, and in no copy.
    public static let fullManifestName = "manifest.full.json"
    /// The limit for the files beside the archives: a manifest of 10,000 parts, and the sums of 400,000 segments.
    public static let largestRecord = 64 << 20

    /// Every backup and every draft, the newest first by sequence. Folders that are not ours are left out.
    public func all() throws -> [StoredBackup] { try judged().all }

    public func judged() throws -> JudgedBackups { JudgedBackups(try found()) }

    private func found() throws -> [StoredBackup] {
        guard try folder.isFolder else { return [] }
        var found: [StoredBackup] = []
        for name in try folder.entries() {
            let text = name.string
            if let id = BackupID(text) {
                found.append(look(at: id))
            } else if let id = Self.draftID(text) {
                found.append(
                    StoredBackup(
                        id: id, folder: folder.appending(name), state: .incomplete, manifest: nil,
                        mark: BackupMark()
                    ))
            }
        }
        return found
    }

    /// Returns the backup to restore from: see `JudgedBackups.latest`.
    ///
    /// - Throws: `FileError` when a newer one cannot be read, which may be better.
    public func latest(of instanceId: String? = nil) throws -> StoredBackup? {
        let judged = try judged()
        if let error = judged.unreadable { throw error }
        return judged.latest(of: instanceId)
    }

    /// Gives an imported backup its place by its id, unless its sequence was counted here.
    public func place(imported id: BackupID) throws {
        let others = try found().filter { $0.id != id }
        let own = look(at: id)
        if let instance = own.manifest?.instanceId, own.manifest?.sequence != nil,
            others.contains(where: { $0.manifest?.instanceId == instance && $0.manifest?.sequence != nil })
        {
            return
        }
        try mark(id) { $0.sequence = JudgedBackups.sequence(before: id, among: others) }
    }

    /// Returns a backup by its exact id; `.damaged` when its folder does not hold the expected files.
    public func look(at id: BackupID) -> StoredBackup {
        let place = folder.appending(id.description)
        var mark = BackupMark()
        var markProblem: String?
        do {
            let markFile = place.appending(Self.markName)
            if try markFile.isPresent { mark = try JSONFile.read(BackupMark.self, from: markFile) }
        } catch let error as FileError {
            return StoredBackup(
                id: id, folder: place, state: .unreadable(error), manifest: nil, mark: BackupMark())
        } catch {
            // A broken mark costs its own facts, not the backup, which is kept as if it were pinned.
            mark = BackupMark(pinned: true)
            markProblem = "\(Self.markName): \(Self.explain(error))"
        }
        func backup(_ state: StoredBackup.State, _ manifest: Manifest? = nil) -> StoredBackup {
            StoredBackup(
                id: id, folder: place, state: state, manifest: manifest, mark: mark, markProblem: markProblem)
        }
        let manifest: Manifest
        do {
            manifest = try readManifest(of: id)
        } catch let error as BackupDamage {
            return backup(.damaged(file: error.file, why: error.why))
        } catch let error as FileError {
            return backup(.unreadable(error))
        } catch {
            return backup(.damaged(file: Self.manifestName, why: Self.explain(error)))
        }
        if let details = manifest.details {
            do {
                let size = try FileStatus.of(place.appending(details.file))?.size
                guard size == details.bytes else {
                    let why =
                        size.map { "it has \($0) bytes instead of \(details.bytes)" } ?? "the file is missing"
                    return backup(.damaged(file: details.file, why: why), manifest)
                }
            } catch let error as FileError {
                return backup(.unreadable(error), manifest)
            } catch {
                return backup(.damaged(file: details.file, why: Self.explain(error)), manifest)
            }
        }
        for part in manifest.parts {
            do {
                try part.checkPresence(at: place.appending(part.file), isBrief: true)
            } catch let damage as BackupDamage {
                return backup(.damaged(file: damage.file, why: damage.why), manifest)
            } catch let error as FileError {
                return backup(.unreadable(error), manifest)
            } catch {
                return backup(.damaged(file: part.file, why: Self.explain(error)), manifest)
            }
        }
        if let verification = mark.verification, let file = verification.damagedFile {
            return backup(.damaged(file: file, why: verification.why ?? "the last verify failed"), manifest)
        }
        return backup(.complete, manifest)
    }

    /// Reads the manifest and compares it with its line in SHA256SUMS.
    ///
    /// - Throws: `BackupDamage`; `FileError` when it cannot be read, which proves nothing about the backup.
    public func readManifest(of id: BackupID) throws -> Manifest {
        let place = folder.appending(id.description)
        let sums = try readSums(in: place)
        let file = place.appending(Self.manifestName)
        let bytes = try contents(of: file)
        guard sums[Self.manifestName] == sha256(bytes) else {
            throw BackupDamage(file: Self.manifestName, why: "it is not the file that \(Self.sumsName) names")
        }
        let manifest: Manifest
        do {
            let version = try JSONFile.decode(FormatOnly.self, from: bytes, at: file)
            guard Manifest.formats.contains(version.format) else {
                throw BackupDamage(
                    file: Self.manifestName,
                    why:
                        "format \(version.format) was written by kecsctl \(version.tool?.version ?? "of another version"); "
                        + "this one reads the formats \(Manifest.formats.lowerBound) to "
                        + "\(Manifest.formats.upperBound)")
            }
            manifest = try Manifest.decode(bytes, at: file)
        } catch let error as JSONFileError {
            throw BackupDamage(file: Self.manifestName, why: error.why)
        }
        if let details = manifest.details {
            guard details.plain.file == Self.fullManifestName,
                details.file.hasPrefix(Self.fullManifestName + "."),
                !details.file.contains("/"), sums[details.file] == details.sha256
            else {
                throw BackupDamage(
                    file: Self.sumsName, why: "it does not agree with the manifest on what hides the names")
            }
        }
        guard manifest.id == id else {
            throw BackupDamage(file: Self.manifestName, why: "it belongs to “\(manifest.id)”")
        }
        guard manifest.parts.count <= 10_000 else {
            throw BackupDamage(file: Self.manifestName, why: "it has \(manifest.parts.count) parts")
        }
        var names: Set<String> = []
        for part in manifest.parts {
            guard Manifest.isPartName(part.name), names.insert(part.name).inserted else {
                throw BackupDamage(
                    file: Self.manifestName, why: "“\(printable(Array(part.name.utf8)))” is no name of a part"
                )
            }
            guard FilePath.Component(part.file)?.kind == .regular, !part.file.contains("/") else {
                throw BackupDamage(file: Self.manifestName, why: "it names a part file outside the backup")
            }
            guard sums[part.digestFile] == part.sha256 else {
                throw BackupDamage(
                    file: Self.sumsName, why: "it does not agree with the manifest on \(part.digestFile)")
            }
        }
        return try completed(manifest, in: place)
    }

    /// The manifest with what it hides, where this machine made the backup, or once decrypted it.
    private func completed(_ manifest: Manifest, in place: FilePath) throws -> Manifest {
        let file = place.appending(Self.fullManifestName)
        guard manifest.hidesNames, try file.isPresent else { return manifest }
        // It is not covered by the sums: one that is not what the manifest names counts as none.
        guard let bytes = try? contents(of: file), let full = try? manifest.opened(bytes, at: file) else {
            return manifest
        }
        return full
    }

    private struct FormatOnly: Decodable {
        var format: Int
        var tool: Manifest.Tool?
    }

    /// A file that is missing, too large or no file is damage; one that cannot be read is not.
    private func contents(of file: FilePath) throws -> [UInt8] {
        do {
            return try file.contents(limit: Self.largestRecord)
        } catch let error as FileError
            where [
                .noSuchFileOrDirectory, .fileTooLarge, .isDirectory, .notDirectory,
                .tooManySymbolicLinkLevels,
                .invalidArgument,
            ].contains(error.errno)
        {
            throw BackupDamage(file: file.lastComponent?.string ?? "", why: "\(error.errno)")
        }
    }

    /// The digests that `SHA256SUMS` names, by the files' names.
    public func sums(of id: BackupID) throws -> [String: String] {
        try readSums(in: folder.appending(id.description)).all
    }

    private func readSums(in place: FilePath) throws -> ChecksumList {
        try ChecksumList(contents(of: place.appending(Self.sumsName)))
    }

    // MARK: Changes, all under the instance's lock

    /// Writes the mark: pin or result of a verification.
    public func mark(_ id: BackupID, _ change: (inout BackupMark) -> Void) throws {
        let file = folder.appending(id.description).appending(Self.markName)
        var mark = BackupMark()
        if try file.isPresent {
            do { mark = try JSONFile.read(BackupMark.self, from: file) } catch is JSONFileError {
                // A broken mark is replaced by one that keeps too much rather than too little.
                mark.pinned = true
            }
        }
        change(&mark)
        try JSONFile.write(mark, to: file)
    }

    /// Deletes a backup. It is renamed first, so that a killed delete leaves nothing that looks like a backup. Anything
    /// of it that cannot be removed is then in `.going/`.
    public func delete(_ id: BackupID) throws {
        let going = folder.appending(".\(id).deleting")
        if try going.isPresent { going.discard(into: folder) }
        try folder.appending(id.description).rename(to: going)
        try folder.sync()
        going.discard(into: folder)
    }

    /// Removes the leftovers of killed runs: drafts and half-deleted backups. Only under the instance's lock, when no
    /// draft can be in use.
    ///
    /// - Returns: The names removed.
    @discardableResult
    public func sweep() throws -> [String] {
        guard try folder.isFolder else { return [] }
        var swept: [String] = []
        for name in try folder.entries() {
            let text = name.string
            guard Self.draftID(text) != nil || Self.isDeleted(text) else { continue }
            let rubbish = folder.appending(name)
            rubbish.discard(into: folder)
            if try !rubbish.isPresent { swept.append(text) }
        }
        return swept
    }

    /// Returns an id that no backup and no draft has, and that sorts after all others of its second, whatever their
    /// reasons.
    func freeID(_ moment: Moment, _ reason: BackupReason) throws -> BackupID {
        let others = try folder.isFolder ? folder.entries() : []
        let number =
            others.compactMap { BackupID($0.string) ?? Self.draftID($0.string) }
            .filter { $0.createdAt.seconds == moment.seconds }.map(\.number).max() ?? 0
        return BackupID(moment, reason, number: number + 1)
    }

    private static func draftID(_ name: String) -> BackupID? {
        guard name.hasPrefix("."), name.hasSuffix(".draft") else { return nil }
        return BackupID(String(name.dropFirst().dropLast(".draft".count)))
    }

    private static func isDeleted(_ name: String) -> Bool {
        guard name.hasPrefix("."), name.hasSuffix(".deleting") else { return false }
        return BackupID(String(name.dropFirst().dropLast(".deleting".count))) != nil
    }

    private static func explain(_ error: any Error) -> String {
        switch error {
        case let error as FileError: "\(error.errno)"
        case let error as JSONFileError: error.why
        case let error as BackupDamage: error.why
        default: "\(error)"
        }
    }
}
