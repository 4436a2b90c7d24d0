// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
public import SystemPackage

/// The rows that were rescued from a damaged database, and the losses.
public struct SalvagedRows: Hashable, Sendable {
    public struct Table: Hashable, Sendable {
        /// The number of rows in the new database.
        public var rows: Int64 = 0
        /// Pages of its tree that could be read.
        public var pages: Int64 = 0
        /// The number of pages in its tree that make no sense. A page from inside the tree has others below it, whose
        /// rows are found anyway.
        public var pagesLost: Int64 = 0
        /// Rows on pages that could be read which make no sense.
        public var rowsLost: Int64 = 0
    }

    /// The tables by name, in the new database.
    public var tables: [String: Table] = [:]
    /// The number of rows that were found but fit no table, or conflict with the others.
    public var lostAndFound: Int64 = 0
    /// The table that holds them: `lost_and_found`, or with a number when there is one already. Nil without such rows.
    public var lostAndFoundTable: String?
    /// The tables, indexes, triggers and views that could not be recreated, with the reason.
    public var notMade: [String] = []
}

/// Reads every readable row of a damaged database into a new one, page by page, without SQLite's own reading: one bad
/// page then costs its own rows and no others. Like `.recover` of the sqlite3 tool, which distributions build without
/// the module that it needs.
///
/// - Parameter copy: A copy of the damaged file, with its write-ahead log already merged as far as that is possible.
/// - Parameter destination: Must not exist; after an error it is gone again. Has the encoding, `user_version` and
///   `application_id` of the damaged one. It is not synced: whoever puts it in its place copies and syncs it.
public func salvageSQLite(
    _ copy: FilePath, into destination: FilePath, cancellation: Cancellation,
    progress: any ProgressSink = SilentProgress()
) throws -> SalvagedRows {
    let pages = try SQLitePages(copy)
    do {
        let database = try SQLiteDatabase(destination, .create, cancellation: cancellation)
        // No other process sees it before it is complete, and after an error it is removed.
        for setting in [
            "page_size = \(pages.pageSize)", "encoding = '\(pages.encoding.name)'", "synchronous = OFF",
            "journal_mode = OFF", "locking_mode = EXCLUSIVE",
        ] {
            try database.execute("PRAGMA \(setting)")
        }
        var salvage = Salvage(
            pages: pages, database: database, cancellation: cancellation, progress: progress)
        let rows = try database.transaction { try salvage.run() }
        try database.execute("PRAGMA user_version = \(pages.userVersion)")
        try database.execute("PRAGMA application_id = \(pages.applicationID)")
        return rows
    } catch {
        for suffix in ["", "-wal", "-journal"] {
            let file = destination.beside(suffix)
            if try file.isPresent { try file.remove() }
        }
        throw error
    }
}
