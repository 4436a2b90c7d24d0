// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem
import Logging
import SystemPackage

struct DbCommand: HelpedCommand {
    static let configuration = CommandConfiguration(
        commandName: "db", abstract: "Query, dump, check, maintain and rescue the database of an instance.",
        subcommands: [
            DbQueryCommand.self, DbDumpCommand.self, DbCSVCommand.self, DbLoadCommand.self,
            DbCheckCommand.self, DbMaintainCommand.self, DbTrimCommand.self,
            DbRescueCommand.self,
        ])

    static let help = CommandHelp(
        ExitStatus.changes, .init("kecsctl db query dev \"SELECT name FROM clusters\"", "ask something"),
        .init("kecsctl db check dev", "see whether it is whole"))
}

/// The choice of a database: an instance's, or a file.
struct DatabaseOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "With an instance: the database, as “inspect” names it. Without one: any SQLite file.",
            valueName: "part/path|file"), completion: .file())
    var database: String?
}

extension Session {
    func path(_ text: String) throws(Failure) -> FilePath {
        guard !text.isEmpty, !text.contains("\0") else {
            throw Failure(.usage, "“\(text.printable)” is no path", remedy: "kecsctl db check --help")
        }
        return try Home.absolute(FilePath(text), environment: machine.environment)
    }

    /// Returns the database of the named instance, or the one of `--database` without a name.
    func target(_ name: String?, _ option: DatabaseOption) async throws -> DatabaseTarget {
        if name == nil, let file = option.database { return .file(try path(file)) }
        let name = try one(
            InstanceSelection(names: [name].compactMap(\.self)), unnamed: .theOnlyOne)
        return try await .of(try site.instance(name), named: option.database, site: site)
    }

    /// Runs `body` with the instance's lock held, for commands that change the database.
    func withTarget<Value>(
        _ name: String?, _ option: DatabaseOption, _ change: ChangeOptions,
        _ body: (DatabaseTarget) async throws -> Value
    ) async throws -> Value {
        if name == nil, let file = option.database { return try await body(.file(try path(file))) }
        let name = try one(InstanceSelection(names: [name].compactMap(\.self)), unnamed: .variable)
        return try await locked(name, change) { instance in
            try await body(.of(instance, named: option.database, site: site))
        }
    }
}

struct DbQueryCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "query", abstract: "Query the database. Statements that write are refused.")

    static let help = CommandHelp(
        ExitStatus.changes,
        .init("kecsctl db query dev \"SELECT name, status FROM clusters\"", "as a table"),
        .init("kecsctl db query dev \"SELECT * FROM tasks\" --csv", "as sqlite3 -header -csv writes it"),
        .init("kecsctl db query --database db.sqlite \"SELECT 1\" -o json", "any database, as JSON"))

    @Argument(
        help:
            "The instance and the SQL. The instance may be omitted with --database or when there is only one."
    )
    var words: [String]

    @Flag(help: "Print CSV with a header line.")
    var csv = false

    @OptionGroup var option: DatabaseOption
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    var hasForms: Bool { !csv }

    func validate() throws {
        if words.isEmpty || words.count > 2 {
            throw ValidationError("an instance and one SQL statement in quotes are expected")
        }
    }

    func run(_ session: Session) async throws -> Int32 {
        let sql = words[words.count - 1]
        if words.count == 1, option.database == nil,
            try session.site.instanceNames().contains(where: { $0.description == sql })
        {
            throw Failure(
                .usage, "no SQL was given", cause: "“\(sql)” is the name of an instance",
                remedy: "kecsctl db query \(sql) \"SELECT name FROM sqlite_schema\"")
        }
        let query = QueryDatabase(site: session.site)
        let target = try await session.target(words.count == 2 ? words[0] : nil, option)
        if csv {
            try query.csv(target, sql) { session.console.answer(bytes: $0) }
            return 0
        }
        let report = try query.run(target, sql)
        if report.isCut {
            session.console.note(.warning, "only the first \(report.rows.count) rows are shown")
        }
        session.answer(
            Answer(
                document: ReportDocument(kind: "QueryReport", report: report),
                table: { width in
                    Table(
                        header: report.columns, rows: report.rows.map { $0.map(Self.text) }
                    ).text(width: width)
                }, names: report.rows.compactMap { $0.first.flatMap(Self.text) }))
        return 0
    }

    private static func text(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): text
        case .integer(let number): "\(number)"
        case .real(let number): "\(number)"
        default: nil
        }
    }
}

struct DbDumpCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump", abstract: "Write the database as SQL, for sqlite3 or for PostgreSQL.")

    static let help = CommandHelp(
        ExitStatus.changes, .init("kecsctl db dump dev", "all of it, to standard output"),
        .init("kecsctl db dump --database db.sqlite", "any database"),
        .init("kecsctl db dump dev --dialect postgres", "what psql loads into an empty database"))

    @Argument(
        help: ArgumentHelp("The instance.", valueName: "instance"),
        completion: .custom(InstanceCompletion.names))
    var name: String?

    @Option(help: "sqlite, as sqlite3's .dump writes it, or postgres.")
    var dialect = DumpDatabase.Dialect.sqlite

    @OptionGroup var option: DatabaseOption
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    var hasForms: Bool { false }

    func run(_ session: Session) async throws -> Int32 {
        try DumpDatabase(site: session.site).sql(try await session.target(name, option), dialect) {
            session.console.answer(bytes: $0)
        }
        return 0
    }
}

struct DbCSVCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "csv", abstract: "Write a table as CSV with a header line.")

    static let help = CommandHelp(
        ExitStatus.changes, .init("kecsctl db csv dev tasks", "the tasks of “dev”"),
        .init("kecsctl db csv --database db.sqlite users", "of any database"))

    @Argument(help: "The instance and the table. The instance may be omitted with --database.")
    var words: [String]

    @OptionGroup var option: DatabaseOption
    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    var hasForms: Bool { false }

    func validate() throws {
        if words.isEmpty || words.count > 2 {
            throw ValidationError("an instance and one table are expected")
        }
    }

    func run(_ session: Session) async throws -> Int32 {
        let target = try await session.target(words.count == 2 ? words[0] : nil, option)
        try DumpDatabase(site: session.site).csv(target, table: words[words.count - 1]) {
            session.console.answer(bytes: $0)
        }
        return 0
    }
}

struct DbLoadCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Create a database from an SQL dump; “restore --from FILE.sql” loads one into an instance.")

    static let help = CommandHelp(
        ExitStatus.changes, .init("kecsctl db load dev.sql --into new.sqlite", "a database beside"),
        .init("kecsctl db load dump.sql --into /tmp/look.sqlite -o json", "the same, told as JSON"))

    @Argument(help: "The dump.")
    var dump: PathArgument

    @Option(help: ArgumentHelp("The new database. It must not exist.", valueName: "file"))
    var into: PathArgument

    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    func run(_ session: Session) async throws -> Int32 {
        let report = try DumpDatabase(site: session.site).load(
            try dump.path(session), into: try into.path(session))
        session.answer(
            Answer(
                document: ReportDocument(kind: "LoadReport", report: report),
                table: { _ in
                    "\(report.database.printable): \(report.tables.values.total { $0 }) rows in \(report.tables.count) tables\n"
                }, names: [report.database]))
        return 0
    }
}

extension DumpDatabase.Dialect: ExpressibleByArgument {}
