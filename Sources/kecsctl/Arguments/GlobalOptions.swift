// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import KecsSystem

/// The flags that every command has.
struct GlobalOptions: ParsableArguments {
    @Option(help: "Where everything lives; else $KECS_HOME, else ~/.kecs.", completion: .directory)
    var home: PathArgument?

    @Option(name: .shortAndLong, help: "The form of the answer on standard output.")
    var output: OutputFormat?

    @Flag(name: .shortAndLong, help: "No progress and no table: print nothing when all is well.")
    var quiet = false

    @Flag(
        name: .shortAndLong,
        help: "Say what is decided; -vv also every child process with its arguments and time.")
    var verbose: Int

    @Option(help: "The form of the lines on standard error.")
    var logFormat: LogFormat = .text

    @Option(
        help: ArgumentHelp(
            "A bound on the whole command; then it cleans up and ends with status 15.",
            valueName: "90s|5m|1h"))
    var timeout: TimeSpan?

    /// How long a server may take to become healthy: a fifth of `--timeout` is left for saying what it lacked and for taking
    /// back what was begun, before the whole command is out of time.
    var healthLimit: Duration? { timeout.map { $0.duration * 4 / 5 } }

    @Flag(help: "No colour; so does NO_COLOR, TERM=dumb or an output that is no terminal.")
    var noColor = false

    var format: OutputFormat { output ?? .table }

    /// `--quiet` takes the table away; an `--output` that was asked for stays.
    var answers: Bool { !quiet || output != nil }
}

enum OutputFormat: String, CaseIterable, ExpressibleByArgument, Sendable {
    case table, json, yaml, name
}

enum LogFormat: String, CaseIterable, ExpressibleByArgument, Sendable {
    case text, json
}
