// SPDX-License-Identifier: Apache-2.0
import CLinux
import CSQLite
import Glibc
public import KecsSystem
public import SystemPackage

/// A database as it is captured.
public enum CapturedSQLite {
    /// Checked.
    case copied(SQLiteSnapshotFacts)
    /// Where it lies, and not checked yet.
    case held(HeldDatabase)
}

/// Holds a database that may be in use, where that is possible, and copies it to `destination` otherwise.
///
/// - Throws: As `captureSQLite`.
public func holdOrCaptureSQLite(
    _ source: FilePath, to destination: FilePath, cancellation: Cancellation
) throws -> CapturedSQLite {
    let database = try SQLiteDatabase.reading(
        source, scratch: destination.removingLastComponent(), cancellation: cancellation)
    if let held = try HeldDatabase(database) { return .held(held) }
    return .copied(try copy(database, to: destination, cancellation, SilentProgress()))
}

/// Copies a database that may be in use to `destination` and checks the copy.
///
/// The source's content is not touched. A WAL database that no process has open has no sidecars afterwards, if it had
/// none before. Nothing in this process may have the source open meanwhile.
///
/// - Parameter destination: Must not exist; after an error it is gone again.
/// - Throws: `SQLiteError`, with `isCorrupt` when the source is damaged; `FileError`; `Interrupted`.
public func captureSQLite(
    _ source: FilePath, to destination: FilePath, busyTimeout: Duration = .seconds(5),
    cancellation: Cancellation, progress: any ProgressSink = SilentProgress()
) throws -> SQLiteSnapshotFacts {
    let database = try SQLiteDatabase.reading(
        source, busyTimeout: busyTimeout, scratch: destination.removingLastComponent(),
        cancellation: cancellation)
    return try copy(database, to: destination, cancellation, progress)
}

private func copy(
    _ database: SQLiteDatabase, to destination: FilePath, _ cancellation: Cancellation,
    _ progress: any ProgressSink
) throws -> SQLiteSnapshotFacts {
    var facts = try database.backup(to: destination, cancellation: cancellation, progress: progress)
    if let copy = database.copy { facts.lockedFor = copy.lockedFor }
    do {
        let copy = try SQLiteDatabase(destination, .immutable, cancellation: cancellation)
        facts.unchecked = try copy.check(about: database.path)
        return facts
    } catch {
        _ = destination.withPlatformString { paths_unlink($0) }
        throw error
    }
}

/// KiB. The check looks every row up in every index. With SQLite's own 2 MiB a database of 230 MB was read seven times, in
/// pages; with 16 MiB twice, and with more not less.
private let checkCache = 16 << 10

extension SQLiteDatabase {
    /// Checks the file, regardless of its rows.
    ///
    /// - Parameter path: The file that an error names.
    /// - Returns: The reason why it could be checked only in part.
    /// - Throws: `SQLiteError`, with `isCorrupt` when it is damaged.
    func check(about path: FilePath) throws -> String? {
        try execute("PRAGMA cache_size = -\(checkCache)")
        let (problems, unchecked) = try fileProblems(of: self)
        guard let first = problems.first else { return unchecked }
        let more = problems.count > 1 ? " (and \(problems.count - 1) more)" : ""
        throw SQLiteError(
            extendedCode: SQLITE_CORRUPT, message: "the integrity check found: \(first)\(more)", path: path)
    }
}

/// Returns the problems of the file itself, regardless of its rows, and the reason why it could be checked only in
/// part.
private func fileProblems(of copy: SQLiteDatabase) throws -> (problems: [String], unchecked: String?) {
    do {
        return (try copy.integrityProblems(limit: 100, constraints: false), nil)
    } catch let error as SQLiteError where error.code == SQLITE_ERROR {
        // An index over a function or collation of another program cannot be compared with its table here.
        do {
            return (try copy.integrityProblems(quick: true, limit: 100, constraints: false), error.message)
        } catch let error as SQLiteError where error.code == SQLITE_ERROR {
            return ([], error.message)
        }
    }
}

func folderIsWritable(of path: FilePath) -> Bool {
    let folder = path.removingLastComponent()
    return (folder.isEmpty ? FilePath(".") : folder).withPlatformString {
        paths_access($0, W_OK) == 0
    }
}
