// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsBackups
import KecsDoctor
import KecsSystem
import SystemPackage

/// The shell's suggestions for backups, parts and checks: called by the completion scripts through the program itself.
enum BackupCompletion {
    /// Returns `latest`, and the ids of all backups with their age, the newest first; only those of the instance that
    /// the line names.
    @Sendable static func ids(_ words: [String], _ index: Int, _ prefix: String) -> [String] {
        offers(words, ["latest"]).lines(words, index, prefix)
    }

    /// The suggestions for `start --restore`.
    @Sendable static func idsOrNone(_ words: [String], _ index: Int, _ prefix: String) -> [String] {
        offers(words, ["auto", "latest", "none"]).lines(words, index, prefix)
    }

    private static func offers(_ words: [String], _ names: [String]) -> [Offer] {
        let now = SystemClock().now()
        let all = stores(words)
        var found: [Offer] = []
        var owners: [String] = []
        for store in all {
            let name = store.folder.lastComponent?.string ?? ""
            for text in Self.ids(in: store) {
                let age = BackupID(text).map { DurationText.age(of: $0.createdAt, at: now) } ?? ""
                found.append(Offer(text, all.count > 1 ? "\(name), \(age)" : age))
                owners.append(name)
            }
        }
        // Two instances may have been backed up in one second: such an id needs its instance.
        let counts = Dictionary(found.map { ($0.value, 1) }, uniquingKeysWith: +)
        let unique = zip(found, owners).map { offer, owner in
            counts[offer.value] == 1 ? offer : Offer("\(owner)/\(offer.value)", offer.description)
        }
        return names.map { Offer($0) } + unique.sorted { $0.id > $1.id }
    }

    /// Returns the parts of the newest backup of each selected instance.
    @Sendable static func parts(_ words: [String], _ index: Int, _ prefix: String) -> [String] {
        let names = stores(words).flatMap { store -> [String] in
            guard let newest = ids(in: store).first, let id = BackupID(newest) else { return [] }
            return store.look(at: id).manifest?.parts.map(\.name) ?? []
        }
        return Set(names).union(["config", "data"]).sorted().map { Offer($0) }.lines(words, index, prefix)
    }

    /// All checks that doctor knows.
    @Sendable static func checks(_ words: [String], _ index: Int, _ prefix: String) -> [String] {
        Wiring.allChecks.map { Offer($0.info.id, $0.info.claim) }.lines(words, index, prefix)
    }

    // A completion cannot report an error; an unreadable store is not offered.
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

extension Offer {
    /// Of one that is a backup: its id without the instance.
    fileprivate var id: Substring { value.split(separator: "/").last ?? "" }
}
