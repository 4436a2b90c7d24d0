// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsBackups
import KecsSystem
import SystemPackage

/// Finds backups by the text that a user types: an id, its beginning, `latest`, with the instance before it
/// (`dev/2026…`) or in `--instance`, or alone when only one backup of all instances fits.
struct BackupChoice: Sendable, CustomStringConvertible {
    let name: InstanceName
    let backup: StoredBackup

    var description: String { name.description }
}

/// The option `--instance NAME` of the commands whose positional is a backup.
struct BackupInstanceOption: ParsableArguments {
    @Option(
        name: .customLong("instance"),
        help: ArgumentHelp("The instance of the backup, when the id is ambiguous.", valueName: "name"),
        completion: .custom(InstanceCompletion.names))
    var name: String?
}

extension Session {
    /// Returns the names of instances, and of those that are gone but have backups.
    func namesWithBackups() throws -> [InstanceName] {
        var names = Set(try site.instanceNames())
        if try site.home.backups.isFolder {
            names.formUnion(
                try site.home.backups.entries().compactMap { InstanceName($0.string) }
                    .filter { try site.home.backups.appending($0.description).isFolder })
        }
        return names.sorted()
    }

    func backup(_ text: String, of option: BackupInstanceOption) throws -> BackupChoice {
        let halves = text.split(separator: "/", maxSplits: 1).map(String.init)
        let id = halves.last ?? text
        if let given = option.name ?? (halves.count == 2 ? halves[0] : nil) {
            return try backup(id, of: try InstanceName(checking: given))
        }
        let names = try namesWithBackups()
        if id == "latest" {
            return try backup(id, of: try onlyOne(of: names, besides: text))
        }
        let fitting = try names.flatMap { name in
            try site.home.backupStore(of: name).all()
                .filter { $0.state != .incomplete && $0.id.description.hasPrefix(id) }
                .map { BackupChoice(name: name, backup: $0) }
        }
        let exact = fitting.filter { $0.backup.id.description == id }
        let found = exact.isEmpty ? fitting : exact
        guard let first = found.first else {
            throw Failure(.notFound, "there is no backup “\(id)”", remedy: "kecsctl backups list")
        }
        guard found.count == 1 else {
            throw Failure(
                .usage, "“\(id)” fits \(found.count) backups",
                cause: found.map { "\($0.name)/\($0.backup.id)" }.joined(separator: ", "),
                remedy: "kecsctl \(command) \(first.name)/\(first.backup.id)")
        }
        return first
    }

    /// - Parameter text: The word that named the backup. Another word behind it would mean something else to some commands, so
    ///   the remedy has the instance in it.
    private func onlyOne(of names: [InstanceName], besides text: String) throws -> InstanceName {
        do {
            return try one(InstanceSelection(), unnamed: .theOnlyOne, existing: names.map(\.description))
        } catch var failure as Failure where failure.kind == .usage {
            let first = try names.first { try !site.home.backupStore(of: $0).all().isEmpty } ?? names.first
            if let first, words.contains(text) {
                failure.remedy =
                    "kecsctl " + ShellWords.quote(words.map { $0 == text ? "\(first)/\(text)" : $0 })
            }
            throw failure
        }
    }

    private func backup(_ id: String, of name: InstanceName) throws -> BackupChoice {
        guard try namesWithBackups().contains(name) else {
            throw Failure(.notFound, "there is no instance “\(name)”", remedy: "kecsctl list")
        }
        return BackupChoice(
            name: name, backup: try site.home.backupStore(of: name).find(id, instance: name.description))
    }
}
