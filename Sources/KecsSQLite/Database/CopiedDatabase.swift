// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// A copy of a database in a file of ours, which nobody else opens.
struct CopiedDatabase: CapturedSQLite {
    let file: FilePath
    let bytes: Int64
    var descriptor: CInt? { nil }
    /// The original, for errors.
    private let source: FilePath
    private let lockedFor: Duration

    /// - Throws: As `SQLiteDatabase.copy`.
    init(of database: SQLiteDatabase, to file: FilePath, _ cancellation: Cancellation) throws {
        self.file = file
        source = database.path
        let locked = try database.copy(
            to: file, cancellation: cancellation, progress: SilentProgress())
        lockedFor = database.privateCopy?.lockedFor ?? locked
        bytes = try FileStatus.of(file)?.size ?? 0
    }

    func check(_ cancellation: Cancellation) throws -> SQLiteSnapshotFacts {
        do {
            let copy = try SQLiteDatabase(file, .immutable, cancellation: cancellation)
            let unchecked = try copy.check(about: source)
            var facts = try copy.facts(sha256: "", lockedFor: lockedFor)
            facts.unchecked = unchecked
            return facts
        } catch let error as SQLiteError where error.isCorrupt { throw error.about(source) }
    }

    func digest(_ cancellation: Cancellation) throws -> String { try sha256(ofFile: file, cancellation) }
    func isUntouched() -> Bool { true }
    func release() {}
}
