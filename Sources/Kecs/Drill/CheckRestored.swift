// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

/// Compares a restored part with its record in the manifest: the bytes, the integrity and the rows of each database,
/// and whether it is the kind of database that the instance had.
struct CheckRestored: Sendable {
    let site: Site
    /// An older good backup to compare the schema with; nil when there is none.
    let reference: Manifest?

    /// SQLITE_ERROR: an index over a function or collation of another program cannot be compared with its table here.
    private static let missingFunction: Int32 = 1

    struct Found {
        var databases: [DrillReport.Database] = []
        var problems: [DrillReport.Problem] = []
        var notes: [String] = []
    }

    func run(_ part: Manifest.Part, in folder: FilePath) throws -> Found {
        var found = Found()
        let scan = try scanTree(TreeSource(root: folder), cancellation: site.machine.cancellation)
        let names = Dictionary(
            scan.databases.map { (printable($0.path), $0.path) }, uniquingKeysWith: { first, _ in first })
        for record in part.databases {
            try site.machine.cancellation.check()
            guard let path = names[record.path] else {
                found.problems.append(
                    .init(
                        kind: .damaged, part: part.name, path: record.path,
                        why: "is in the manifest and not in what was restored"))
                continue
            }
            try check(record, of: part, at: folder.appending(bytes: path), &found)
        }
        let known = Set(part.databases.map(\.path))
        for name in names.keys.sorted() where !known.contains(name) && part.name != Part.objectStore {
            found.notes.append("\(part.name)/\(name) is a database that the manifest does not name")
        }
        return found
    }

    private func check(
        _ record: Manifest.Database, of part: Manifest.Part, at file: FilePath, _ found: inout Found
    ) throws {
        func add(_ kind: DrillReport.Problem.Kind, _ why: String) {
            found.problems.append(.init(kind: kind, part: part.name, path: record.path, why: why))
        }
        let bytes = try digest(of: file, cancellation: site.machine.cancellation)
        var database = DrillReport.Database(
            part: part.name, path: record.path, engine: record.engine,
            bytes: try FileStatus.of(file)?.size ?? 0, sha256: bytes.sha256,
            isSame: bytes.sha256 == record.sha256)
        defer { found.databases.append(database) }
        if !database.isSame {
            add(.damaged, "has the SHA-256 \(bytes.sha256) instead of \(record.sha256)")
        }
        guard record.engine == .sqlite else {
            found.notes.append(
                "\(part.name)/\(record.path): only its bytes were compared: kecsctl cannot read this engine"
            )
            return
        }
        do {
            // Our own snapshots have no sidecars; a database that was copied as files is recovered from them here.
            let opened = try SQLiteDatabase(
                file, record.sidecars.isEmpty ? .immutable : .readWrite,
                cancellation: site.machine.cancellation)
            var problems: [String] = []
            do {
                problems = try opened.integrityProblems(limit: 3, constraints: false)
            } catch let error as SQLiteError where error.code == Self.missingFunction {
                found.notes.append(
                    "\(part.name)/\(record.path) could be checked in part only: \(error.message)")
            }
            if !problems.isEmpty { return add(.damaged, "is damaged: \(problems.joined(separator: "; "))") }
            let tables = try opened.tableRowCounts()
            database.tables = tables
            compare(tables, with: record, add)
            let version = try opened.value("PRAGMA user_version")?.integer
            if let before = record.userVersion, let version, version != before {
                add(.schema, "has the user_version \(version) instead of \(before)")
            }
            if let orphan = try opened.foreignKeyViolations(limit: 1).first {
                found.notes.append(
                    "\(part.name)/\(record.path): rows of \(orphan.table) refer to rows of \(orphan.parent) that are not there, "
                        + "as they did when the backup was taken")
            }
            if let why = otherSchema(than: tables, part.name, record.path) { add(.schema, why) }
        } catch let error as SQLiteError where error.isCorrupt {
            add(.damaged, "is damaged: \(error.message)")
        }
    }

    private func compare(
        _ tables: [String: Int64], with record: Manifest.Database,
        _ add: (DrillReport.Problem.Kind, String) -> Void
    ) {
        guard let before = record.tables else { return }
        let other = Set(tables.keys).union(before.keys).sorted().filter { tables[$0] != before[$0] }
        guard let first = other.first else { return }
        func count(_ rows: Int64?) -> String { rows.map { "\($0) rows" } ?? "no such table" }
        add(
            .rows,
            "has other rows than the manifest: in \(first) \(count(tables[first])) instead of \(count(before[first]))"
                + (other.count > 1 ? ", and \(other.count - 1) more tables differ" : ""))
    }

    /// Returns a clause when the database has another schema. Tables come and go with migrations, but a database that
    /// shares no table with the earlier one is another database.
    private func otherSchema(than tables: [String: Int64], _ part: String, _ path: String) -> String? {
        guard let reference,
            let before = reference.parts.first(where: { $0.name == part })?.databases.first(where: {
                $0.path == path
            })?.tables, !before.isEmpty, before.keys.allSatisfy({ tables[$0] == nil })
        else { return nil }
        func list(_ names: some Collection<String>) -> String {
            names.isEmpty
                ? "no tables"
                : names.sorted().prefix(3).joined(separator: ", ")
                    + (names.count > 3 ? " and \(names.count - 3) more" : "")
        }
        return "is a database of another schema: it has \(list(tables.keys)), and in \(reference.id) it had "
            + list(before.keys)
    }
}
