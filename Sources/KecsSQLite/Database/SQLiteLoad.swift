// SPDX-License-Identifier: Apache-2.0
import CLinux
import CSQLite
import Glibc
public import KecsSystem
public import SystemPackage

/// Makes a new database of a text dump (`sqlite3 FILE .dump`, or any other SQL that SQLite understands).
///
/// The dump can reach nothing but the new file: ATTACH, extensions and settings of the process are refused or ignored.
///
/// - Parameter destination: Must not exist. Mode 0600, synced, no sidecars; after an error it is gone again.
/// - Throws: `SQLiteError`, naming the dump, for a statement that fails, and for a dump that ends in the middle.
public func loadSQLDump(
    _ dump: FilePath, into destination: FilePath, cancellation: Cancellation,
    progress: any ProgressSink = SilentProgress()
) throws -> SQLiteSnapshotFacts {
    // Closed before SQLite opens it.
    do { _ = try OwnFile(creating: destination) }
    do {
        try runScript(dump, on: destination, cancellation, progress)
        try destination.sync()
        let digest = try sha256(ofFile: destination, cancellation)
        let database = try SQLiteDatabase(destination, .immutable, cancellation: cancellation)
        if let problem = try database.integrityProblems(limit: 1).first {
            throw SQLiteError(extendedCode: SQLITE_CORRUPT, message: problem, path: dump)
        }
        return try database.facts(sha256: digest, lockedFor: .zero)
    } catch {
        for suffix in [""] + DatabaseEngine.sqlite.sidecarSuffixes {
            _ = destination.beside(suffix).withPlatformString { paths_unlink($0) }
        }
        if let error = error as? SQLiteError, error.path == destination, !error.isFull {
            throw error.about(dump)
        }
        throw error
    }
}

private func runScript(
    _ dump: FilePath, on destination: FilePath, _ cancellation: Cancellation, _ progress: any ProgressSink
) throws {
    let database = try SQLiteDatabase(destination, .readWrite, cancellation: cancellation)
    // A dump makes virtual tables by writing their rows of the schema.
    csqlite_configure(database.handle, SQLITE_DBCONFIG_DEFENSIVE, 0)
    // No other process sees the file before it is complete, and it is synced at the end.
    try database.execute("PRAGMA synchronous = OFF")
    let gate = ScriptGate()
    let context = Unmanaged.passUnretained(gate).toOpaque()
    sqlite3_set_authorizer(
        database.handle,
        { context, action, first, second, _, _ in
            guard let context else { return SQLITE_DENY }
            let gate = Unmanaged<ScriptGate>.fromOpaque(context).takeUnretainedValue()
            return gate.answer(action, first.map { String(cString: $0) }, second.map { String(cString: $0) })
        }, context)
    defer {
        sqlite3_set_authorizer(database.handle, nil, nil)
        withExtendedLifetime(gate) {}
    }
    var script = try SQLiteScript(dump, cancellation: cancellation)
    while let statement = try script.next() {
        try cancellation.check()
        do {
            try database.runStatement(statement)
        } catch let error as SQLiteError where error.code == SQLITE_AUTH {
            throw SQLiteError(
                extendedCode: error.extendedCode, message: "a dump may not use \(gate.refused)",
                sql: error.sql, path: dump)
        }
        progress.advance(Int64(statement.count))
    }
    let isOpen = sqlite3_get_autocommit(database.handle) == 0
    guard !isOpen, !gate.wasRolledBack else {
        throw SQLiteError(
            extendedCode: SQLITE_ERROR,
            message: isOpen ? "the dump ends before its COMMIT" : "the dump takes itself back with ROLLBACK",
            path: dump)
    }
    if gate.wantsWAL {
        sqlite3_set_authorizer(database.handle, nil, nil)
        try database.execute("PRAGMA journal_mode = WAL")
    }
}

extension SQLiteDatabase {
    /// Runs one statement of a script, or nothing if it is only spaces and comments. Invalid UTF-8 in it is kept.
    fileprivate func runStatement(_ sql: [UInt8]) throws {
        let text = String(decoding: sql.prefix(300), as: UTF8.self)
        guard !sql.contains(0) else {
            throw SQLiteError(
                extendedCode: SQLITE_ERROR, message: "it contains a NUL byte", sql: text, path: path)
        }
        guard sql.count < Int32.max else {
            throw SQLiteError(
                extendedCode: SQLITE_TOOBIG, message: "statement too long", sql: text, path: path)
        }
        try sql.withUnsafeBufferPointer {
            try $0.withMemoryRebound(to: CChar.self) { bytes in
                var next = bytes.baseAddress
                let end = next.map { $0 + bytes.count }
                while let start = next, let end, start < end {
                    var statement: OpaquePointer?
                    let code = sqlite3_prepare_v3(
                        handle, start, Int32(end - start), 0, &statement, &next)
                    guard code == SQLITE_OK else { throw lastError(text) }
                    defer { sqlite3_finalize(statement) }
                    guard let statement else { return }
                    while sqlite3_step(statement) == SQLITE_ROW {}
                    guard sqlite3_reset(statement) == SQLITE_OK else { throw lastError(text) }
                }
            }
        }
    }
}

/// Decides which statements of a script from elsewhere may run.
private final class ScriptGate {
    private(set) var refused = ""
    private(set) var wasRolledBack = false
    private(set) var wantsWAL = false
    /// The settings that a dump may change in its own file. Others are ignored, so that they cannot make a good dump
    /// fail.
    private static let settings: Set<String> = [
        "foreign_keys", "writable_schema", "encoding", "user_version", "application_id", "page_size",
        "auto_vacuum", "legacy_file_format", "defer_foreign_keys", "legacy_alter_table",
    ]

    func answer(_ action: Int32, _ first: String?, _ second: String?) -> Int32 {
        switch action {
        case SQLITE_ATTACH: refuse("ATTACH")
        case SQLITE_DETACH: refuse("DETACH")
        case SQLITE_FUNCTION where ["load_extension", "fts3_tokenizer"].contains(second?.lowercased()):
            refuse("\(second ?? "")()")
        case SQLITE_PRAGMA where first?.lowercased() == "journal_mode" && second?.lowercased() == "wal":
            keepWAL()
        case SQLITE_PRAGMA: Self.settings.contains(first?.lowercased() ?? "") ? SQLITE_OK : SQLITE_IGNORE
        case SQLITE_TRANSACTION:
            note(first)
        default: SQLITE_OK
        }
    }

    /// Remembers WAL mode, which is set only when everything is loaded: a log next to a file that no other process may
    /// see yet costs only time.
    private func keepWAL() -> Int32 {
        wantsWAL = true
        return SQLITE_IGNORE
    }

    private func note(_ transaction: String?) -> Int32 {
        // The tool ends a dump of a damaged database with “ROLLBACK; -- due to errors”.
        if transaction == "ROLLBACK" { wasRolledBack = true }
        return SQLITE_OK
    }

    private func refuse(_ what: String) -> Int32 {
        refused = what
        return SQLITE_DENY
    }
}
