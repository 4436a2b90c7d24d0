// SPDX-License-Identifier: Apache-2.0
import CLinux
import CSQLite
import Glibc
public import KecsSystem
public import SystemPackage

/// The state of a database at one moment, in a file that stays as it is, and that is not checked yet.
public protocol CapturedSQLite: Sendable {
    /// The file that has the state.
    var file: FilePath { get }
    var bytes: Int64 { get }
    /// The file, open for `pread`, if it must not be opened and closed by anybody else in this process.
    var descriptor: CInt? { get }

    /// Checks the state and counts its rows; on one thread at a time.
    ///
    /// - Returns: The facts, with an empty `sha256`: whoever reads the bytes knows it.
    /// - Throws: `SQLiteError` (`isCorrupt` when it is damaged), `Interrupted`.
    func check(_ cancellation: Cancellation) throws -> SQLiteSnapshotFacts

    /// The SHA-256 digest of the file, in hexadecimal.
    func digest(_ cancellation: Cancellation) throws -> String

    /// False when somebody who does not keep to SQLite's locks has written or exchanged the file.
    func isUntouched() throws -> Bool

    /// Ends it. To be called once nobody reads the file any more; the second time does nothing.
    func release()
}

/// Captures a database that may be in use: where it lies if `mayHold` and if that is possible, in a copy otherwise.
///
/// - Parameter destination: The copy. Must not exist.
/// - Throws: As `captureSQLite`, but for what only the check finds.
public func beginCaptureOfSQLite(
    _ source: FilePath, to destination: FilePath, mayHold: Bool, cancellation: Cancellation
) throws -> any CapturedSQLite {
    var held: HeldDatabase?
    do {
        let database = try SQLiteDatabase.reading(
            source, scratch: destination.removingLastComponent(), cancellation: cancellation)
        if mayHold { held = try HeldDatabase(database) }
        if held == nil { return try CopiedDatabase(of: database, to: destination, cancellation) }
    }
    if let held {
        if try held.isReady() { return held }
        // Closed before it is opened once more.
        held.release()
    }
    return try beginCaptureOfSQLite(
        source, to: destination, mayHold: false, cancellation: cancellation)
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
    var facts = try database.backup(to: destination, cancellation: cancellation, progress: progress)
    if let copy = database.privateCopy { facts.lockedFor = copy.lockedFor }
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
