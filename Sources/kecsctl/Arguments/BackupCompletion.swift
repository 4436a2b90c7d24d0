// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsStorage
import KecsSystem
import SystemPackage

/// What the shell offers for backups, parts and checks: called by the completion scripts through the program itself.
enum BackupCompletion {
    /// `latest`, and the ids of all backups; only those of the instance that the line names.
    @Sendable static func ids(_ words: [String], _ index: Int, _ prefix: String) -> [String] {
        (["latest"] + stores(words).flatMap { ids(in: $0) }).filter { $0.hasPrefix(prefix) }
    }

    /// The parts of the newest backup of each instance that is meant.
    @Sendable static func parts(_ words: [String], _ index: Int, _ prefix: String) -> [String] {
        let names = stores(words).flatMap { store -> [String] in
            guard let newest = ids(in: store).first, let id = BackupID(newest) else { return [] }
            return store.look(at: id).manifest?.parts.map(\.name) ?? []
        }
        return Set(names).union(["config", "data"]).sorted().filter { $0.hasPrefix(prefix) }
    }

    /// Every check that doctor knows.
    @Sendable static func checks(_ words: [String], _ index: Int, _ prefix: String) -> [String] {
        Wiring.allChecks.map(\.info.id).filter { $0.hasPrefix(prefix) }
    }

    // A completion has nobody to tell an error to; what cannot be read is not offered.
    private static func stores(_ words: [String]) -> [BackupStore] {
        guard
            let home = try? Home.find(
                flag: CommandPath.value(of: ["--home"], in: words), environment: Program.environment()),
            let entries = try? home.backups.entries()
        else { return [] }
        let names = entries.compactMap { InstanceName($0.string) }
        let named = names.filter { words.contains($0.description) }
        return (named.isEmpty ? names : named).map { home.backupStore(of: $0) }
    }

    private static func ids(in store: BackupStore) -> [String] {
        let entries = (try? store.folder.entries()) ?? []
        return entries.map(\.string).filter { BackupID($0) != nil }.sorted(by: >)
    }
}
