// SPDX-License-Identifier: Apache-2.0
import KecsSystem
public import SystemPackage

/// The migrations in a folder, read as one of the tools reads it.
public struct MigrationDirectory: Hashable, Sendable {
    public var tool: MigrationTool
    /// The migrations, by version.
    public var migrations: [MigrationStep]

    /// - Parameters:
    ///   - tool: Nil to determine it by the files, and where two tools could have made them, by `ledger`.
    ///   - ledger: The tool whose ledger the database has.
    /// - Throws: `MigrationProblem`, `FileError`.
    public init(_ folder: FilePath, tool: MigrationTool? = nil, ledger: MigrationTool? = nil) throws {
        var files: [File] = []
        for name in try folder.entries() where name.string.hasSuffix(".sql") {
            let text = String(decoding: try folder.appending(name).contents(), as: UTF8.self)
            guard let file = File(name: name.string, text: text) else { continue }
            files.append(file)
        }
        guard !files.isEmpty else {
            throw MigrationProblem(.usage, "\(folder) holds no file named like 20251119_name.sql")
        }
        let chosen = try tool ?? ledger ?? Self.guess(files, in: folder)
        self.tool = chosen
        migrations = try Self.migrations(files, chosen).sorted { $0.version < $1.version }
        for (one, next) in zip(migrations, migrations.dropFirst()) where one.version == next.version {
            throw MigrationProblem(
                .usage, "\(one.up.name) and \(next.up.name) have the same version \(one.versionText)")
        }
    }

    struct File {
        var name: String
        var versionText: String
        var version: Int64
        /// The part after the first underscore.
        var rest: String
        var text: String

        /// Nil for a name that no tool accepts.
        init?(name: String, text: String) {
            let digits = name.prefix { $0.isASCII && $0.isNumber }
            guard let version = Int64(digits) else { return nil }
            let rest = name.dropFirst(digits.count)
            guard rest.hasPrefix("_") else { return nil }
            self.name = name
            self.text = text
            self.version = version
            versionText = String(digits)
            self.rest = String(rest.dropFirst())
        }

        var isUp: Bool { rest.hasSuffix(".up.sql") }
        var isDown: Bool { rest.hasSuffix(".down.sql") }
        var hasSections: Bool { text.contains("-- migrate:up") }
    }

    private static func guess(_ files: [File], in folder: FilePath) throws -> MigrationTool {
        if files.contains(where: \.hasSections) { return .dbmate }
        if files.allSatisfy({ $0.isUp || $0.isDown }) {
            throw MigrationProblem(
                .usage,
                "the files in \(folder) can be sqlx's or golang-migrate's, and the database has no ledger that tells"
            )
        }
        return .sqlx
    }

    private static func migrations(_ files: [File], _ tool: MigrationTool) throws -> [MigrationStep] {
        switch tool {
        case .dbmate: return try files.map(dbmate)
        case .sqlx, .golangMigrate, .kecsctl: break
        }
        let downs = Dictionary(
            files.filter(\.isDown).map { ($0.version, $0) }, uniquingKeysWith: { first, _ in first })
        var ups = files.filter { !$0.isDown }
        if tool == .golangMigrate { ups = ups.filter(\.isUp) }
        for down in downs.values where !ups.contains(where: { $0.version == down.version }) {
            throw MigrationProblem(.usage, "\(down.name) has no file for the way up")
        }
        return ups.map { up in
            var title = up.rest
            for suffix in [".up.sql", ".sql"] where title.hasSuffix(suffix) {
                title = String(title.dropLast(suffix.count))
                break
            }
            let down = downs[up.version].map { script($0, tool) }
            return MigrationStep(
                version: up.version, versionText: up.versionText,
                // sqlx: `description`, with blanks for underscores.
                name: tool == .sqlx ? String(title.map { $0 == "_" ? " " : $0 }) : title,
                up: script(up, tool), down: down,
                checksum: tool == .sqlx ? sha384(Array(up.text.utf8)) : nil)
        }
    }

    private static func script(_ file: File, _ tool: MigrationTool) -> MigrationStep.Script {
        MigrationStep.Script(
            name: file.name, sql: file.text, refusesTransaction: refusesTransaction(file.text, tool))
    }

    /// sqlx: `-- no-transaction` at the very beginning (sqlx-core, migrate/source.rs). golang-migrate has no mark: its
    /// `x-no-tx-wrap` belongs to the connection, and is needed for scripts that manage transactions themselves.
    private static func refusesTransaction(_ text: String, _ tool: MigrationTool) -> Bool {
        if text.hasPrefix("-- no-transaction") { return tool != .dbmate }
        guard tool == .golangMigrate else { return false }
        return splitSQL(text).contains { ["BEGIN", "VACUUM"].contains($0.tokens.first) }
    }

    /// `-- migrate:up [transaction:false]` and `-- migrate:down` on lines of their own.
    private static func dbmate(_ file: File) throws -> MigrationStep {
        guard let migration = sections(of: file) else {
            throw MigrationProblem(.usage, "\(file.name) has no line “-- migrate:up”")
        }
        return migration
    }

    private static func sections(of file: File) -> MigrationStep? {
        guard
            let sections = MigrationSections(file.text)
        else { return nil }
        let title = file.rest.hasSuffix(".sql") ? String(file.rest.dropLast(4)) : file.rest
        return MigrationStep(
            version: file.version, versionText: file.versionText, name: title,
            up: MigrationStep.Script(
                name: file.name, sql: sections.up, refusesTransaction: sections.upRefusesTransaction),
            down: sections.down.map {
                MigrationStep.Script(
                    name: file.name, sql: $0, refusesTransaction: sections.downRefusesTransaction)
            },
            checksum: nil)
    }
}

/// A file with both directions in it, as dbmate and our own history have them.
public struct MigrationSections: Hashable, Sendable {
    public var up: String
    /// Nil when the section is missing or holds no statement.
    public var down: String?
    public var upRefusesTransaction = false
    public var downRefusesTransaction = false

    /// Nil when there is no line `-- migrate:up`.
    public init?(_ text: String) {
        var up: [Substring]?
        var down: [Substring]?
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            if line.hasPrefix("-- migrate:up") {
                up = []
                upRefusesTransaction = line.contains("transaction:false")
            } else if line.hasPrefix("-- migrate:down") {
                down = []
                downRefusesTransaction = line.contains("transaction:false")
            } else if down != nil {
                down?.append(line)
            } else {
                up?.append(line)
            }
        }
        guard let up else { return nil }
        self.up = up.joined(separator: "\n")
        if let text = down?.joined(separator: "\n"), !splitSQL(text).isEmpty { self.down = text }
    }
}
