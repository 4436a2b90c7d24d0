// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
import KecsSystem
import SystemPackage

/// The result of one `backups verify` for one backup.
public struct VerifyItem: Encodable, Sendable {
    public var id: BackupID
    public var instance: String
    /// The result: `verified`, `damaged` or `incomplete`.
    public var result: String
    public var file: String?
    public var why: String?
    /// The encrypted parts of which only the digest was compared, because their key is not known here.
    public var sealed: [String]?
    /// Nil for one that lies here.
    public var remote: String?
    /// Why the result could not be noted beside the backup; nil when it was.
    public var unnoted: String?

    public var isGood: Bool { result == "verified" }
}

/// Single steps on existing backups. Call all but `verify` under the instance's lock.
public struct KeepBackups: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    /// Reads a backup again and records the result.
    public func verify(
        _ backup: StoredBackup, of name: InstanceName, depth: VerifyBackup.Depth
    ) async throws -> VerifyItem {
        let store = site.home.backupStore(of: name)
        var item = VerifyItem(id: backup.id, instance: name.description, result: "verified")
        if backup.state == .incomplete {
            item.result = "incomplete"
            item.why = "the run that was to make it was killed"
            return item
        }
        var verification = BackupMark.Verification(at: site.machine.clock.now())
        do {
            let verify = VerifyBackup(
                depth: depth, threads: site.threads, cancellation: site.machine.cancellation,
                progress: site.machine.progress)
            let manifest = try verify.run(backup.id, in: store)
            if depth == .full {
                let sealed = try await verifySealed(backup, manifest, name, verify)
                item.sealed = sealed.isEmpty ? nil : sealed
            }
        } catch let damage as BackupDamage {
            item.result = "damaged"
            item.file = damage.file
            item.why = damage.why
            verification.damagedFile = damage.file
            verification.why = damage.why
        }
        // The result of a quick look does not overrule that of a full one.
        if depth == .full || verification.damagedFile != nil {
            do {
                try store.mark(backup.id) { $0.verification = verification }
            } catch let error as FileError where Self.isClosed(error) {
                // What was found is true all the same.
                item.unnoted = "\(error)"
                return item
            }
        } else if let old = backup.mark.verification, old.damagedFile != nil {
            item.result = "damaged"
            item.file = old.damagedFile
            item.why = old.why
        }
        do {
            try LatestLink(store: store).update()
        } catch let error as FileError where Self.isClosed(error) {
            item.unnoted = "\(error)"
        }
        return item
    }

    /// Whether nothing can be written there by this user.
    private static func isClosed(_ error: FileError) -> Bool {
        [.readOnlyFileSystem, .permissionDenied, .notPermitted].contains(error.errno)
    }

    /// Decrypts what there is a key for, and reads it.
    ///
    /// - Returns: The names of the other encrypted parts.
    private func verifySealed(
        _ backup: StoredBackup, _ manifest: Manifest, _ name: InstanceName, _ verify: VerifyBackup
    ) async throws -> [String] {
        let settings = try site.settings(ofBackupsOf: name)
        let keys = Keys(site: site, settings: settings)
        let parts = manifest.parts.filter { $0.encryption != nil }
        let open = try parts.filter { part in try Sealing(part).map { try keys.mayOpen($0) } ?? true }
        guard !open.isEmpty else { return parts.map(\.name) }
        let names = Set(open.map(\.name))
        let unsealed = try await UnsealBackup(site: site).run(backup, settings: settings, parts: names)
        defer { unsealed.close() }
        if let manifest = unsealed.backup.manifest {
            try verify.run(manifest, parts: names, archive: { unsealed.backup.archive(of: $0) })
        }
        return parts.map(\.name).filter { !names.contains($0) }
    }

    /// Deletes a backup.
    ///
    /// - Parameter dryRun: Only checks whether it would.
    /// - Throws: `Failure(.usage)` for a pinned one, and for the only good one unless `force` is given.
    public func delete(
        _ backup: StoredBackup, of name: InstanceName, force: Bool, dryRun: Bool = false
    ) throws {
        let store = site.home.backupStore(of: name)
        if backup.mark.pinned {
            throw Failure(
                .usage, "the backup “\(backup.id)” is pinned",
                remedy: "kecsctl backups unpin \(backup.id) --instance \(name)")
        }
        let good = try store.all().filter(\.isGood)
        // It may be the only backup of some part, although there are others.
        if let judged = good.first(where: { $0.id == backup.id }), !force {
            let others = good.filter { $0.id != judged.id }.reduce(into: Set<String>()) {
                $0.formUnion($1.partNames)
            }
            let alone = judged.partNames.subtracting(others).sorted()
            if !alone.isEmpty {
                let what = others.isEmpty ? "" : " that holds \(alone.joined(separator: ", "))"
                throw Failure(
                    .usage, "the backup “\(backup.id)” is the only good one of “\(name)”\(what)",
                    remedy: "kecsctl backups delete \(backup.id) --instance \(name) --yes --force")
            }
        }
        guard !dryRun else { return }
        try store.delete(backup.id)
        try LatestLink(store: store).update()
    }

    public func pin(_ backup: StoredBackup, of name: InstanceName, _ pinned: Bool) throws {
        try site.home.backupStore(of: name).mark(backup.id) { $0.pinned = pinned }
    }
}
