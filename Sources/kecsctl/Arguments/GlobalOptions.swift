// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import KecsSystem

/// The flags that every command has.
struct GlobalOptions: ParsableArguments {
    @Option(
        help: "The folder of all instances and backups (default: $KECS_HOME, else ~/.kecs).",
        completion: .directory)
    var home: PathArgument?

    @Option(name: .shortAndLong, help: "The format of the answer on standard output.")
    var output: OutputFormat?

    @Flag(name: .shortAndLong, help: "Print no progress and no table: nothing when all is well.")
    var quiet = false

    @Flag(
        name: .shortAndLong,
        help: "Print what is decided; with -vv also every child process with its arguments and duration.")
    var verbose: Int

    @Option(help: "The format of the lines on standard error.")
    var logFormat: LogFormat = .text

    @Option(
        help: ArgumentHelp(
            "The time limit of the whole command. It then cleans up and exits with 15.",
            valueName: "90s|5m|1h"))
    var timeout: TimeSpan?

    /// The time within which a server must become healthy. A fifth of `--timeout` is left for reporting the problem and
    /// for rolling back, before the whole command is out of time.
    var healthLimit: Duration? { timeout.map { $0.duration * 4 / 5 } }

    @Flag(help: "Print no colour, as with NO_COLOR, TERM=dumb or an output that is no terminal.")
    var noColor = false

    var format: OutputFormat { output ?? .table }

    /// True when the answer is printed: `--quiet` removes the table, but a requested `--output` stays.
    var answers: Bool { !quiet || output != nil }
}

enum OutputFormat: String, CaseIterable, ExpressibleByArgument, Sendable {
    case table, json, yaml, name
}

enum LogFormat: String, CaseIterable, ExpressibleByArgument, Sendable {
    case text, json
}
