// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem

extension Session {
    /// The presentation of a list to people and to scripts.
    struct Listing<Item: Encodable> {
        /// "BackupList"
        var kind: String
        var table: ([Item], _ width: Int?) -> String
        var name: (Item) -> String
        /// The text for people when there is nothing to list.
        var nothing: String = ""
        /// The status of an item: 13 for a damaged backup, although the list itself succeeded.
        var status: (Item) -> Int32 = { _ in 0 }
        /// The totals: the last line for people, `totals` in the document.
        var totals: (([Item]) throws -> BackupTotals)?
    }

    /// Prints a list.
    func list<Item: Encodable>(
        _ listing: Listing<Item>, _ items: () async throws -> [Item]
    ) async -> Int32 {
        await list(listing, over: [""]) { _ in try await items() }
    }

    /// Prints a list made of several instances' items; one that fails does not stop the others.
    func list<Item: Encodable, Name>(
        _ listing: Listing<Item>, over names: [Name], _ items: (Name) async throws -> [Item]
    ) async -> Int32 {
        var document = ListDocument<Item>(kind: listing.kind)
        var statuses: [Int32] = []
        for name in names {
            do {
                try machine.cancellation.check()
                let found = try await items(name)
                document.items += found
                statuses.append(found.map(listing.status).first { $0 != 0 } ?? 0)
            } catch {
                let failure = failure(error)
                console.fail(failure, instance: "\(name)".isEmpty ? nil : "\(name)")
                document.error = document.error ?? failure
                statuses.append(failure.status)
            }
        }
        let shown = document.items
        do { document.totals = try listing.totals?(shown) } catch {
            let failure = failure(error)
            console.fail(failure)
            document.error = document.error ?? failure
            statuses.append(failure.status)
        }
        let sum = document.totals.map { "\($0.sentence)\n" } ?? ""
        answer(
            Answer(
                document: document, table: { shown.isEmpty ? "" : listing.table(shown, $0) + sum },
                names: shown.map(listing.name)))
        if shown.isEmpty, document.error == nil, options.format == .table, !options.quiet {
            console.line(listing.nothing + "\n")
        }
        return Self.status(statuses)
    }
}
