// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

/// Reads backups on a remote again, every byte, and compares them with the sums that lie beside them.
public struct VerifyRemote: Sendable {
    let site: Site

    public init(site: Site) { self.site = site }

    public func run(
        _ backup: RemoteBackup, on remote: Remote, command: String, wait: Duration? = nil
    ) async throws -> VerifyItem {
        var item = VerifyItem(
            id: backup.id, instance: backup.instance, result: "verified", remote: remote.name)
        switch backup.state {
        case .incomplete:
            item.result = "incomplete"
            item.why = "it is being copied, or its copying was cut off"
            return item
        case .damaged where backup.manifest == nil && !backup.isOurs:
            item.result = "damaged"
            item.why = backup.problem
            return item
        case .damaged, .complete: break
        }
        let rclone = try Rclone(machine: site.machine, remote: remote)
        site.machine.progress.step("reading back from \(remote.name)", total: nil)
        let sums = try await rclone.contents("\(backup.path)/\(BackupStore.sumsName)") ?? []
        let found = try await rclone.digests(backup.path)
        for line in String(decoding: sums, as: UTF8.self).split(separator: "\n") {
            let (digest, name) = (String(line.prefix(64)), String(line.dropFirst(66)))
            guard found[name] != digest else { continue }
            item.result = "damaged"
            item.file = name
            item.why = found[name] == nil ? "the file is missing" : "its bytes are not those of its digest"
            break
        }
        if sums.isEmpty || sha256(sums) != backup.sums {
            item.result = "damaged"
            item.file = BackupStore.sumsName
            item.why = "it changed while it was read"
        }
        try await note(item, of: backup, on: remote, command: command, wait: wait)
        return item
    }

    /// Only of copies that this home wrote: what others say of theirs is their affair.
    private func note(
        _ item: VerifyItem, of backup: RemoteBackup, on remote: Remote, command: String, wait: Duration?
    ) async throws {
        guard backup.isOurs, let name = InstanceName(backup.instance) else { return }
        var past = try PastCopies(site.home.backupStore(of: name))
        let lock = try await past.lock(remote.name, site, command: command, wait: wait)
        defer { lock.unlock() }
        try past.refresh(remote.name)
        guard var copy = past.all[remote.name]?[backup.id], copy.sums == backup.sums,
            [.verified, .damaged].contains(copy.state)
        else { return }
        copy.state = item.isGood ? .verified : .damaged
        copy.problem = item.isGood ? nil : [item.file, item.why].compactMap(\.self).joined(separator: ": ")
        if item.isGood { copy.verifiedAt = site.machine.clock.now() }
        try past.set(backup.id, copy, at: remote.name)
    }
}
