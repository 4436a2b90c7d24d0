// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

/// Databases that are checked while they are archived, most of them where they lie.
extension CaptureParts {
    /// The databases of a part, ready to be archived.
    struct CapturedDatabases: Sendable {
        /// The tree to archive, with the databases' copies in their places.
        var source: TreeSource
        /// In the order of the look. Those of `unchecked` lack what only the check and the reading tell.
        var records: [Manifest.Database] = []
        var unchecked: [Unchecked] = []

        struct Unchecked: Sendable {
            /// In `records`.
            var number: Int
            var path: [UInt8]
            var database: any CapturedSQLite
        }

        /// The most databases that are held at once: each needs four descriptors, of 1,024 that a process may usually have.
        private static let mostHeld = 16

        var mayHoldMore: Bool { source.opened.count < Self.mostHeld }

        mutating func add(_ database: any CapturedSQLite, _ path: [UInt8], _ record: Manifest.Database) {
            unchecked.append(Unchecked(number: records.count, path: path, database: database))
            var record = record
            record.bytes = database.bytes
            records.append(record)
            source.substitutes[path] = database.file
            source.opened[path] = database.descriptor
            source.digested.insert(path)
        }

        /// Reads the databases, for those who must know their digests before they are archived.
        mutating func digest(_ cancellation: Cancellation) throws {
            for one in unchecked {
                records[one.number].sha256 = try one.database.digest(cancellation)
                source.digested.remove(one.path)
            }
        }

        /// Takes over what the archive got.
        mutating func take(_ digests: [[UInt8]: String], _ cancellation: Cancellation) throws {
            for one in unchecked where source.digested.contains(one.path) {
                // There is none of a file with holes.
                records[one.number].sha256 =
                    try digests[one.path] ?? one.database.digest(cancellation)
            }
        }

        /// Ends the holding. To be called when nobody reads any more, and before anybody in this process opens one of the
        /// databases again.
        func release() {
            for one in unchecked { one.database.release() }
        }
    }

    /// Somebody wrote into a held database without SQLite's locks. It must be copied.
    struct TouchedDatabase: Error, CustomStringConvertible {
        let path: FilePath
        var description: String { "\(path) was written while it was being read" }
    }

    /// Archives the part, and checks its databases on another thread meanwhile.
    ///
    /// - Throws: `TouchedDatabase`.
    func archiveAndCheck(
        _ plan: PartPlan, _ captured: CapturedDatabases, consistency: Consistency, isHeld: Bool
    ) throws -> Manifest.Part {
        guard !captured.unchecked.isEmpty else {
            return try archive(plan, captured, consistency: consistency, isHeld: isHeld)
        }
        enum Done {
            case archived(Manifest.Part)
            case checked([SQLiteSnapshotFacts])
        }
        let done = try Threads.each(of: 2, upTo: 2, name: "check", site.machine.cancellation) {
            number, cancellation in
            if number == 1 { return Done.checked(try check(captured, of: plan, cancellation)) }
            var joint = self
            joint.site.machine.cancellation = cancellation
            return .archived(
                try joint.archive(plan, captured, consistency: consistency, isHeld: isHeld))
        }
        guard case .archived(var record) = done[0], case .checked(let facts) = done[1] else {
            preconditionFailure("Threads.each keeps the order")
        }
        // The check may have ended after the archive.
        try refuseTouched(captured)
        for (one, facts) in zip(captured.unchecked, facts) { record.databases[one.number].take(facts) }
        return record
    }

    /// Checks the databases without archiving them.
    ///
    /// - Returns: All records, which are complete but for digests that nobody asked for.
    /// - Throws: `TouchedDatabase`.
    func checked(_ captured: CapturedDatabases, of plan: PartPlan) throws -> [Manifest.Database] {
        var records = captured.records
        let facts = try check(captured, of: plan, site.machine.cancellation)
        for (one, facts) in zip(captured.unchecked, facts) { records[one.number].take(facts) }
        try refuseTouched(captured)
        return records
    }

    private func check(
        _ captured: CapturedDatabases, of plan: PartPlan, _ cancellation: Cancellation
    ) throws -> [SQLiteSnapshotFacts] {
        try captured.unchecked.map { one in
            do {
                return try one.database.check(cancellation)
            } catch let error as SQLiteError where error.isCorrupt {
                // What somebody wrote into it meanwhile is no damage.
                guard try one.database.isUntouched() else { throw TouchedDatabase(path: one.database.file) }
                throw damage(error, of: plan.part.name, printable(one.path))
            }
        }
    }

    func refuseTouched(_ captured: CapturedDatabases) throws {
        for one in captured.unchecked where try !one.database.isUntouched() {
            throw TouchedDatabase(path: one.database.file)
        }
    }
}

extension Manifest.Database {
    /// Takes over what a capture has found, but for the digest.
    mutating func take(_ facts: SQLiteSnapshotFacts) {
        bytes = facts.bytes
        pages = facts.pages
        tables = facts.tables
        userVersion = facts.userVersion
    }
}
