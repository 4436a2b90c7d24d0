// SPDX-License-Identifier: Apache-2.0
public import KecsSystem

/// The content that an instance must have, according to its good backups: the newest good record of each part.
///
/// A backup is good when it is complete, verified, not of a degraded instance, and holds everything that the baseline
/// before it held.
public struct Baseline: Sendable {
    public struct Part: Sendable {
        public var backup: BackupID
        public var record: Manifest.Part
    }

    public private(set) var parts: [String: Part] = [:]
    /// The parts that were in backups of everything. Others were captured only because a user named them.
    private(set) var regularParts: Set<String> = []
    /// Losses that the newest good backup had accepted.
    public private(set) var acceptedLosses: Set<String> = []

    public init() {}

    /// Adds a good backup. The earlier ones must have been added before.
    mutating func add(_ manifest: Manifest) {
        acceptedLosses = Set(manifest.acceptedLosses ?? [])
        for name in acceptedLosses { parts[name] = nil }
        regularParts.subtract(acceptedLosses)
        if manifest.selected == nil { regularParts.formUnion(manifest.parts.map(\.name)) }
        for record in manifest.parts { parts[record.name] = Part(backup: manifest.id, record: record) }
    }

    // MARK: What a backup lacks

    /// The known facts about something that was not captured.
    public struct Absence: Sendable {
        public var kind: Lack.Kind
        /// The clause: "is not mounted any more".
        public var clause: String
        public init(_ kind: Lack.Kind, _ clause: String) {
            self.kind = kind
            self.clause = clause
        }
    }

    /// Returns what a capture lacks of the baseline.
    ///
    /// - Parameters:
    ///   - selected: The parts that were meant to be captured; nil for all.
    ///   - absences: By `PART` or `PART/PATH`, the known facts about the things that are not in `captured`.
    ///   - mayBeEmpty: Parts that lose nothing when they are emptied: logs.
    ///   - accepted: Losses that are not reported: `PART` or `PART/PATH`.
    ///   - placedAt: The time at which kecsctl itself last put data in place. Files made until then are kecsctl's own.
    public func lacks(
        of captured: [Manifest.Part], selected: Set<String>?, absences: [String: Absence] = [:],
        mayBeEmpty: Set<String> = [], accepted: Set<String> = [], placedAt: ExactMoment? = nil
    ) -> [Lack] {
        var lacks: [Lack] = []
        for (name, before) in parts.sorted(by: { $0.key < $1.key })
        where (selected?.contains(name) ?? true) && !accepted.contains(name) && before.record.hasContent {
            let has = "\(before.backup) has it"
            guard let now = captured.first(where: { $0.name == name }) else {
                let absence =
                    absences[name]
                    ?? Absence(.missing, "is missing: it is not mounted any more, or its folder is gone")
                lacks.append(Lack(part: name, absence.kind, "\(absence.clause); \(has)"))
                continue
            }
            if now.isEmptied, !mayBeEmpty.contains(name) {
                lacks.append(
                    Lack(
                        part: name, .empty,
                        "is empty; \(before.backup) has \(ByteCount(before.record.sourceBytes)) of it"))
                continue
            }
            for database in before.record.databases
            where database.hasContent && !accepted.contains("\(name)/\(database.path)") {
                guard
                    let absence = now.absence(of: database, placedAt: placedAt)
                        ?? (now.database(database.path) == nil
                            ? absences["\(name)/\(database.path)"] ?? Absence(.missing, "is missing") : nil)
                else { continue }
                if absence.kind == .missing, now.hasAnother(like: database) { continue }
                lacks.append(
                    Lack(
                        part: name, path: database.path, absence.kind,
                        "\(absence.clause); \(has)\(database.rowsText)"))
            }
        }
        return lacks
    }

    // MARK: What is strange

    /// The share of the bytes below which a shrink is reported.
    private static let shrunk: Int64 = 10

    public func remarks(on captured: [Manifest.Part]) -> [String] {
        captured.flatMap { now -> [String] in
            guard let before = parts[now.name] else { return [] }
            var remarks: [String] = []
            // Then the patterns made it smaller.
            let isComparable =
                now.excluded?.patterns == before.record.excluded?.patterns
                && now.excluded?.caches == before.record.excluded?.caches
            if isComparable, !now.isEmptied,
                ByteCount(now.sourceBytes) * Self.shrunk < ByteCount(before.record.sourceBytes)
            {
                remarks.append(
                    "\(now.name) has shrunk from \(ByteCount(before.record.sourceBytes)) to \(ByteCount(now.sourceBytes)) since "
                        + "\(before.backup)")
            }
            for old in before.record.databases {
                guard let database = now.database(old.path) else {
                    if old.hasContent, now.hasAnother(like: old) {
                        remarks.append(
                            "\(now.name)/\(old.path) is gone; \(before.backup) has it, and its name and tables are those "
                                + "of a dated copy")
                    }
                    continue
                }
                if let rows = old.rows, rows > 0, database.rows == 0, !(database.tables?.isEmpty ?? true) {
                    remarks.append(
                        "every table of \(now.name)/\(old.path) is empty; \(before.backup) has \(rows) rows")
                } else if ByteCount(database.bytes) * Self.shrunk < ByteCount(old.bytes) {
                    remarks.append(
                        "\(now.name)/\(old.path) has shrunk from \(ByteCount(old.bytes)) to \(ByteCount(database.bytes)) since "
                            + "\(before.backup)")
                }
            }
            return remarks
        }
    }
}

extension Manifest.Part {
    var hasContent: Bool { sourceBytes > 0 || databases.contains(where: \.hasContent) }
    /// True when it holds nothing but folders, links and files of 0 bytes.
    var isEmptied: Bool { sourceBytes == 0 }

    func database(_ path: String) -> Manifest.Database? { databases.first { $0.path == path } }

    /// Returns what is wrong with the present database; nil when nothing is, or when there is no database.
    fileprivate func absence(of before: Manifest.Database, placedAt: ExactMoment?) -> Baseline.Absence? {
        guard let now = database(before.path) else { return nil }
        if now.bytes == 0 { return Baseline.Absence(.empty, "has 0 bytes") }
        if now.engine == .unknown, before.engine != .unknown {
            return Baseline.Absence(.unreadable, "cannot be read as a database any more")
        }
        if !(before.tables?.isEmpty ?? true), let tables = now.tables, tables.isEmpty {
            return Baseline.Absence(.noTables, "has no tables")
        }
        if let madeAt = now.madeAt, before.isAnotherFile(madeAt: madeAt, placedAt: placedAt),
            let tables = now.tables, before.hasMore(than: tables)
        {
            return Baseline.Absence(
                .replaced, "is another database, made \(madeAt.moment), with \(now.rows ?? 0) rows")
        }
        return nil
    }

    /// Returns true when a missing database was a copy that its owner rotates: its name carries a date or an epoch, and
    /// a database without one but with the same tables is there.
    fileprivate func hasAnother(like before: Manifest.Database) -> Bool {
        guard before.isDated, let tables = before.tables, !tables.isEmpty else { return false }
        // A dry run does not know the tables.
        return databases.contains { other in
            !other.isDated && other.tables.map { Set($0.keys) == Set(tables.keys) } ?? true
        }
    }
}

extension Manifest.Database {
    var rows: Int64? { tables.map { $0.values.reduce(0) { $0.addingReportingOverflow($1).partialValue } } }

    /// An SQLite file without a table holds nothing.
    var hasContent: Bool { bytes > 0 && !(engine == .sqlite && (tables?.isEmpty ?? false)) }

    /// Returns true when another file has taken the name. A server makes a new database where it finds none, while
    /// deleting rows keeps the file.
    ///
    /// - Parameters:
    ///   - madeAt: The time at which the file that has the name now was made.
    ///   - placedAt: The time at which kecsctl itself last put data in place.
    public func isAnotherFile(madeAt now: ExactMoment, placedAt: ExactMoment?) -> Bool {
        guard let madeAt, now > madeAt else { return false }
        return placedAt.map { now > $0 } ?? true
    }

    /// Returns true when a table had more rows than it has now.
    public func hasMore(than now: [String: Int64]) -> Bool {
        tables?.contains { $0.value > now[$0.key] ?? 0 } ?? false
    }

    fileprivate var rowsText: String { rows.map { " with \($0) rows" } ?? "" }

    /// Eight digits or more in a row, as in `db.backup.1763700000.sqlite` or `kecs-20251119.db`, or a date with dashes.
    fileprivate var isDated: Bool {
        let name = path.split(separator: "/").last ?? ""
        var digits = 0
        var dashes = 0
        for character in name {
            if character.isASCII, character.isNumber {
                digits += 1
            } else if digits > 0, character == "-" || character == "_" {
                dashes += 1
            } else {
                (digits, dashes) = (0, 0)
            }
            if digits >= 8, dashes <= 4 { return true }
        }
        return false
    }
}
