// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import KecsVelero

extension Session {
    /// `backups list --velero`
    func listVeleroBackups(_ selection: InstanceSelection, _ options: VeleroOptions) async throws -> Int32 {
        let places = try veleroPlaces(options, of: veleroInstances(selection, options))
        return await list(Self.veleroBackups, over: places) { place in
            try readingStore {
                try judge(place, .sizes).all() ?? []
            }.map { VeleroBackupSummary($0, in: place) }
        }
    }

    /// Returns the instances whose stores are searched.
    ///
    /// - Throws: `Failure` for one that does not exist, and when instances and a folder were given.
    private func veleroInstances(
        _ selection: InstanceSelection, _ options: VeleroOptions
    ) throws -> [String] {
        guard options.folder == nil else {
            guard selection == InstanceSelection() else {
                throw Failure(.usage, "give instances or --folder, not both")
            }
            return []
        }
        let existing = try site.instanceNames().map(\.description)
        let names = try resolve(selection, unnamed: .everything, existing: existing)
        for name in names where !existing.contains(name) {
            throw Failure(.notFound, "there is no instance “\(name)”", remedy: "kecsctl list")
        }
        return names
    }

    static var veleroBackups: Listing<VeleroBackupSummary> {
        .init(
            kind: "VeleroBackupList", table: { veleroTable($0).text(width: $1) }, name: \.name,
            nothing: "there is no backup of Velero",
            status: { $0.verdict == .unreadable ? Failure.Kind.partial.rawValue : 0 })
    }

    private static func veleroTable(_ items: [VeleroBackupSummary]) -> Table {
        Table(
            header: ["INSTANCE", "NAME", "STARTED", "PHASE", "SIZE", "VERDICT", "NOTES"],
            rows: items.map { item in
                [
                    item.instance, item.name, item.startedAt?.description, item.phase,
                    "\(ByteCount(item.bytes))", item.judgement,
                    (item.reasons + item.remarks).joined(separator: "; "),
                ]
            }, rightAligned: [4])
    }
}
