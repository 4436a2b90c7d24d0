// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import KecsVelero

extension Session {
    /// Runs `backups diff velero:NAME velero:NAME`: finds the differing objects of the cluster, from the files of the
    /// tarballs.
    func diffVeleroBackups(
        _ first: VeleroName, _ second: VeleroName, _ options: VeleroOptions, _ instance: BackupInstanceOption
    ) async -> Int32 {
        let listing = Listing<Difference.Part>(
            kind: "DifferenceReport", table: { DifferenceTable.text($0, width: $1) }, name: \.name,
            nothing: "nothing differs")
        return await list(listing) {
            let choices = try [first, second].map { try veleroBackup($0, options, instance) }
            let (before, after) = try readingStore {
                (try reading(choices[0]).digests(), try reading(choices[1]).digests())
            }
            let files = Set(before.keys).union(after.keys)
                .sorted { $0.lexicographicallyPrecedes($1) }
                .compactMap { path -> Difference.File? in
                    let (old, new) = (before[path], after[path])
                    guard old?.sha256 != new?.sha256 else { return nil }
                    return Difference.File(
                        at: printable(path),
                        change: old == nil ? "added" : new == nil ? "removed" : "changed",
                        before: old?.bytes, after: new?.bytes)
                }
            return files.isEmpty ? [] : [Difference.Part(named: "velero", files: files)]
        }
    }
}
