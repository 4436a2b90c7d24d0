// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import KecsVelero

extension Session {
    /// `backups verify velero:NAME`
    func verifyVeleroBackups(
        _ names: [VeleroName], _ options: VeleroOptions, _ instance: BackupInstanceOption, quick: Bool
    ) async throws -> Int32 {
        let choices = try names.map { try veleroBackup($0, options, instance) }
        return await verifyVeleroBackups(choices, quick: quick, areNamed: true)
    }

    /// `backups verify --velero --all`
    func verifyAllVeleroBackups(
        _ options: VeleroOptions, _ instance: BackupInstanceOption, quick: Bool
    ) async throws -> Int32 {
        if options.folder != nil, instance.name != nil {
            throw Failure(.usage, "give an instance or --folder, not both")
        }
        let names = try instance.name.map { [$0] } ?? site.instanceNames().map(\.description)
        let choices = try veleroPlaces(options, of: names).flatMap { place in
            try readingStore { try place.bucket.names() ?? [] }.map { VeleroChoice(place: place, name: $0) }
        }
        return await verifyVeleroBackups(choices, quick: quick, areNamed: false)
    }

    /// - Parameter areNamed: True when something that is no backup is an error; otherwise it counts as the leftover of
    ///   a failed upload.
    private func verifyVeleroBackups(
        _ choices: [VeleroChoice], quick: Bool, areNamed: Bool
    ) async -> Int32 {
        let listing = Listing<VeleroBackupSummary>(
            kind: "VeleroVerifyReport", table: { Self.verifyTable($0).text(width: $1) }, name: \.name,
            nothing: "there is no backup of Velero to verify", status: { Self.status($0, areNamed) })
        return await list(listing, over: choices) { choice in
            machine.progress.step("verifying \(choice.name)", total: nil)
            let backup = try judge(choice.place, quick ? .sizes : .blocks).one(choice.name)
            let summary = VeleroBackupSummary(backup, in: choice.place)
            let status = Self.status(summary, areNamed)
            if let kind = Failure.Kind(rawValue: status) {
                console.fail(
                    Failure(
                        kind,
                        summary.verdict == .withErrors
                            ? "the backup “\(choice.name)” of Velero has objects that are damaged or cannot be read"
                            : "the backup “\(choice.name)” of Velero is \(summary.verdict.rawValue)",
                        cause: summary.reasons.prefix(5).joined(separator: "; "),
                        remedy: ShellWords.quote(
                            ["kecsctl", "backups", "list", "--velero"] + choice.place.words)),
                    instance: summary.instance)
            }
            return [summary]
        }
    }

    private static func status(_ item: VeleroBackupSummary, _ isNamed: Bool) -> Int32 {
        switch item.verdict {
        case .damaged: return Failure.Kind.damaged.rawValue
        case .unreadable: return Failure.Kind.partial.rawValue
        case .notABackup: return isNamed ? Failure.Kind.notFound.rawValue : 0
        case .restorable, .withErrors:
            if item.hasDamage { return Failure.Kind.damaged.rawValue }
            return item.objects.contains { $0.problem != nil } ? Failure.Kind.partial.rawValue : 0
        }
    }

    private static func verifyTable(_ items: [VeleroBackupSummary]) -> Table {
        Table(
            header: ["INSTANCE", "NAME", "VERDICT", "BLOCKS", "SIZE", "WHY"],
            rows: items.map { item in
                [
                    item.instance, item.name, item.judgement, item.blocks.map(String.init),
                    "\(ByteCount(item.bytes))",
                    (item.reasons + item.remarks).joined(separator: "; "),
                ]
            }, rightAligned: [3, 4])
    }
}
