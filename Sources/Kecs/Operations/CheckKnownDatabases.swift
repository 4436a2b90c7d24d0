// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

/// Whether the SQLite databases that an instance is known to have still are databases: those of its last good backup, and the
/// one that kecsctl made. A server that finds something else there fails, or makes itself a new one.
struct CheckKnownDatabases: Sendable {
    let site: Site

    /// - Parameter accepted: Parts and databases, as `PART/PATH`, without which it is to go on.
    /// - Throws: `Failure(.damaged)`; `.partial` for the one that kecsctl made and no backup has, when it is gone.
    func run(_ instance: Instance, verb: String, accepted: [String] = []) async throws {
        let baseline = try instance.backups.judged().baseline(of: instance.config.id)
        let inventory = try await site.inventory(of: instance, databases: .none)
        var known: [(part: InventoryPart, path: String, backup: BackupID?)] = []
        for (_, before) in baseline.parts.sorted(by: { $0.key < $1.key }) {
            guard let part = inventory.part(of: before.record), part.role != .backups else { continue }
            for database in before.record.databases
            where database.engine == .sqlite && database.bytes > 0 && !database.path.contains("\\")
                && !isCopyOfDatabase(Array(database.path.utf8))
            {
                known.append((part, database.path, before.backup))
            }
        }
        if let path = instance.config.madeDatabase, baseline.parts.isEmpty,
            let part = inventory.parts.first(where: { $0.part.name == InstanceFolder.dataName })
        {
            known.append((part, path, nil))
        }
        let accepted = Set(accepted).union(baseline.acceptedLosses)
        for (part, path, backup) in known {
            let name = "\(part.part.name)/\(path)"
            guard !accepted.contains(name), !accepted.contains(part.part.name),
                let file = part.part.root?.appending(bytes: Array(path.utf8))
            else { continue }
            // What a backup has is asked for by JudgeLoss.
            if backup == nil, try !file.isPresent {
                guard try await site.inventory(of: instance).databases.isEmpty else { continue }
                throw Failure(
                    .partial, "“\(instance.name)” was not \(verb): \(name) is gone, and no backup has it",
                    cause: "kecsctl made it, and there is no other database",
                    remedy: "kecsctl start \(instance.name) --restore none")
            }
            guard let why = try Self.whyNone(file) else { continue }
            throw Failure(
                .damaged, "“\(instance.name)” was not \(verb): \(name) is no sound SQLite database any more",
                cause: why + (backup.map { "; the backup \($0) has it" } ?? "; kecsctl made it")
                    + ". Go on without it: kecsctl start \(instance.name) --accept-loss \(name)",
                remedy: backup == nil
                    ? "kecsctl db rescue \(instance.name)"
                    : "kecsctl restore \(instance.name) --from latest --part \(part.part.name)")
        }
    }

    /// - Returns: Why the file is no SQLite database, or not all of one; nil for one that seems whole, for one of another
    ///   engine, and for what is not there.
    private static func whyNone(_ file: FilePath) throws -> String? {
        guard let status = try FileStatus.following(file), status.kind == .file else { return nil }
        guard status.size > 0 else { return "it has 0 bytes" }
        let head = try file.prefix(100)
        if head.dropFirst(8).starts(with: "DUCK".utf8) { return nil }
        guard head.starts(with: "SQLite format 3\u{0}".utf8), head.count == 100 else {
            return "its first bytes are not those of one"
        }
        // What a log or a journal holds may be what the file lacks.
        for suffix in ["-wal", "-journal"] {
            let beside = file.beside(suffix)
            if try FileStatus.of(beside)?.size ?? 0 > 0 { return nil }
        }
        // sqlite.org/fileformat2.html, 1.3: the number of pages counts when it was written with the last change.
        func number(_ offset: Int) -> Int64 {
            head[offset..<offset + 4].reduce(Int64(0)) { $0 << 8 | Int64($1) }
        }
        let given = Int64(head[16]) << 8 | Int64(head[17])
        let pages = number(28)
        guard number(24) == number(92), pages > 0 else { return nil }
        let expected = pages * (given == 1 ? 65536 : given)
        guard status.size < expected else { return nil }
        return "it has \(status.size) bytes, and its header says \(expected)"
    }
}
