// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

/// The databases of a part: each is archived as its copy.
extension CaptureParts {
    /// Holds or copies the databases of a part, but for those that were copied before it was frozen.
    ///
    /// - Parameter mayHold: False to copy all of them.
    func captureDatabases(
        of plan: PartPlan, _ sqlite: [[UInt8]: SQLiteCopy], to scratch: FilePath, mayHold: Bool
    ) throws -> CapturedDatabases {
        var captured = CapturedDatabases(source: plan.source)
        do {
            try capture(&captured, of: plan, sqlite, to: scratch, mayHold: mayHold)
            return captured
        } catch {
            captured.release()
            throw error
        }
    }

    private func capture(
        _ captured: inout CapturedDatabases, of plan: PartPlan, _ sqlite: [[UInt8]: SQLiteCopy],
        to scratch: FilePath, mayHold: Bool
    ) throws {
        for (index, database) in plan.scan.databases.enumerated() {
            guard database.engine == .sqlite else {
                let copies = Self.copies(of: database, number: index, in: scratch)
                captured.records.append(
                    try substituteOpaque(database, by: copies, of: plan, in: &captured.source))
                continue
            }
            do {
                let copy = scratch.appending("\(index).0")
                if let copied = sqlite[database.path] {
                    captured.copied(copied, database.path)
                } else {
                    let (state, record) = try self.captured(database, of: plan) { source, record in
                        let state = try beginCaptureOfSQLite(
                            source, to: copy, mayHold: mayHold && captured.mayHoldMore,
                            cancellation: site.machine.cancellation)
                        return (state, record)
                    }
                    captured.add(state, database.path, record)
                }
                captured.source.leaveOutSidecars(of: database)
            } catch let error as SQLiteError where error.isNotADatabase && plan.wasDatabase(database.path) {
                // Its bytes are kept as they are, for a rescue; the backup lacks the former database.
                captured.records.append(try unreadable(database, in: captured.source))
            }
        }
        for (index, link) in plan.links.databases.enumerated() {
            let copy = try captureSQLite(link, to: scratch.appending("link-\(index)"))
            captured.copied(copy, link.path)
            captured.source.followed[link.path] = link.target
        }
    }

    /// Puts what was copied of a database of another engine, and of its sidecars, in their place in the tree.
    private func substituteOpaque(
        _ database: TreeScan.Database, by copies: [(path: [UInt8], copy: FilePath)], of plan: PartPlan,
        in source: inout TreeSource
    ) throws -> Manifest.Database {
        var file = source.root.appending(bytes: database.path)
        var sidecars = database.sidecars
        if let copy = copies.first?.copy, try copy.isPresent {
            file = copy
            sidecars = []
            for (path, copy) in copies {
                if try copy.isPresent {
                    source.substitutes[path] = copy
                } else {
                    source.leftOut.insert(path)
                }
                if try copy.isPresent, path != database.path { sidecars.append(path) }
            }
        }
        let facts = try digest(of: file, cancellation: site.machine.cancellation)
        return Manifest.Database(
            path: printable(database.path), engine: database.engine, bytes: facts.bytes, pages: nil,
            tables: nil, sha256: facts.sha256, userVersion: nil,
            identity: plan.settledIdentity(of: database),
            madeAt: try source.root.appending(bytes: database.path).birth(),
            sidecars: sidecars.map { printable($0) })
    }

    /// Copies a database while it is in use.
    func captureSQLite(
        _ database: TreeScan.Database, of plan: PartPlan, to copy: FilePath
    ) throws -> SQLiteCopy {
        try captured(database, of: plan) { source, record in
            let facts = try KecsSQLite.captureSQLite(
                source, to: copy, cancellation: site.machine.cancellation)
            return SQLiteCopy(file: copy, record: record.with(facts))
        }
    }

    /// Runs `capture` on a database, which gets a record that lacks what only the capture tells.
    private func captured<Result>(
        _ database: TreeScan.Database, of plan: PartPlan,
        _ capture: (FilePath, Manifest.Database) throws -> Result
    ) throws -> Result {
        // Its identity is that before the copy: a write during the copy must not look like the copied state.
        let identity = plan.settledIdentity(of: database)
        let source = plan.source.root.appending(bytes: database.path)
        let record = Manifest.Database(
            path: printable(database.path), engine: .sqlite, bytes: database.bytes, pages: nil, tables: nil,
            sha256: "", userVersion: nil, identity: identity, madeAt: try source.birth(), sidecars: [])
        do {
            return try capture(source, record)
        } catch let error as SQLiteError where error.isBusy {
            throw LockedDatabase(error, of: instance, canBeStopped: runtime.runsSomething)
        } catch let error as SQLiteError
            where error.isCorrupt && !(error.isNotADatabase && plan.wasDatabase(database.path))
        {
            throw damage(error, of: plan.part.name, printable(database.path))
        }
    }

    func damage(_ error: SQLiteError, of part: String?, _ path: String) -> Failure {
        let name = part.map { "\($0)/\(path)" } ?? path
        return Failure(
            .damaged, "the database \(name) of “\(instance.name)” is damaged", cause: "\(error)",
            remedy: "kecsctl db rescue \(instance.name)"
                + (part == nil || name == "data/\(InstanceFolder.databaseName)"
                    ? "" : " --database \(ShellWords.quote([name]))"))
    }

    /// Copies the database behind a link that leads out of the part.
    private func captureSQLite(_ link: OutwardLinks.Database, to copy: FilePath) throws -> SQLiteCopy {
        let facts: SQLiteSnapshotFacts
        do {
            facts = try KecsSQLite.captureSQLite(
                link.target, to: copy, cancellation: site.machine.cancellation)
        } catch let error as SQLiteError where error.isCorrupt {
            throw damage(error, of: nil, link.target.string)
        }
        let record = Manifest.Database(
            path: printable(link.path), engine: .sqlite, bytes: facts.bytes, pages: nil, tables: nil,
            sha256: "", userVersion: nil, identity: nil, madeAt: try link.target.birth(), sidecars: [])
        return SQLiteCopy(file: copy, record: record.with(facts))
    }

    /// Returns the record of a file that was a database in the last good backup and now begins like none.
    private func unreadable(_ database: TreeScan.Database, in source: TreeSource) throws -> Manifest.Database
    {
        let file = source.root.appending(bytes: database.path)
        let facts = try digest(of: file, cancellation: site.machine.cancellation)
        return Manifest.Database(
            path: printable(database.path), engine: .unknown, bytes: facts.bytes, pages: nil, tables: nil,
            sha256: facts.sha256, userVersion: nil, identity: nil,
            sidecars: database.sidecars.map { printable($0) })
    }
}

extension CaptureParts.CapturedDatabases {
    fileprivate mutating func copied(_ copy: CaptureParts.SQLiteCopy, _ path: [UInt8]) {
        source.substitutes[path] = copy.file
        records.append(copy.record)
    }
}

extension Manifest.Database {
    /// The record of a database as it was found in a capture.
    fileprivate func with(_ facts: SQLiteSnapshotFacts) -> Manifest.Database {
        var record = self
        record.take(facts)
        record.sha256 = facts.sha256
        return record
    }
}
