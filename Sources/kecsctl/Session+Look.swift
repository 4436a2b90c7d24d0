// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

extension Session {
    /// What `ls` and `cat` look into. Each form of a place that is no backup of ours is recognised here, before it is taken
    /// for an id.
    func looked(_ text: String, of option: BackupInstanceOption) async throws -> LookIntoBackup {
        let choice = try backup(text, of: option)
        return try await LookIntoBackup(opening: choice.backup, of: choice.name, site: site)
    }

    /// The presentation of the entries of backups: a line for each as it is read, because there may be half a million.
    struct Entries {
        /// The header with its newline, for people.
        var header: String
        var line: (BackupEntry) -> String
        /// The name for `-o name`; a repeated one is left out.
        var name: (BackupEntry) -> String
        var nothing: String
    }

    /// Prints the entries found in several places. One that fails does not stop the others. For a damaged place it
    /// prints the entries read before the damage, and the error says that they are not all.
    func tell<Place>(
        _ entries: Entries, in places: [Place],
        _ read: (Place, (BackupEntry) throws -> Void) async throws -> Void
    ) async -> Int32 {
        var document = ListDocument<BackupEntry>(kind: "BackupEntryList")
        var statuses: [Int32] = []
        var count = 0
        var text = ""
        var lastName: String?
        func flush() {
            console.answer(text)
            text = ""
        }
        func add(_ entry: BackupEntry) {
            count += 1
            guard options.answers else { return }
            switch options.format {
            case .json, .yaml: document.items.append(entry)
            case .table: text += (count == 1 ? entries.header : "") + entries.line(entry)
            case .name:
                let name = entries.name(entry)
                if name != lastName { text += name.printable + "\n" }
                lastName = name
            }
            if text.utf8.count > 32 << 10 { flush() }
        }
        for place in places {
            do {
                try machine.cancellation.check()
                try await read(place, add)
                statuses.append(0)
            } catch {
                let failure = failure(error)
                flush()
                console.fail(failure)
                document.error = document.error ?? failure
                statuses.append(failure.status)
            }
        }
        flush()
        if options.format == .json || options.format == .yaml {
            answer(Answer(document: document, table: { _ in "" }, names: []))
        } else if count == 0, document.error == nil, options.format == .table, !options.quiet {
            console.line(entries.nothing + "\n")
        }
        return Self.status(statuses)
    }
}
