// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
@preconcurrency import Glibc
import Kecs
import KecsSystem
import Logging
import SystemPackage

/// The whole command line, from its words to its exit status. Tests run it in their own process.
struct Program: Sendable {
    let environment: [String: String]
    let interruption: RootTask
    /// The threads for commands. Almost everything below blocks: see `WorkerThreads`.
    let workers: WorkerThreads
    let output: FileDescriptor
    let errors: FileDescriptor
    var terminal = Terminal.none
    /// Sets the destination of the libraries' log. A process can set it only once, so tests leave it alone.
    var bootstrapLog: @Sendable (Console) -> Void = { _ in }
    var clock: any WallClock = SystemClock()

    /// Returns the message on one line. The parser lists many values below each other: "one of the following:\n  -
    /// compose\n  - docker".
    private static func oneLine(_ message: String) -> String {
        message.replacing(":\n  - ", with: ": ").replacing("\n  - ", with: ", ")
    }

    /// Runs one command to its end.
    ///
    /// - Parameter broken: What `notText` has found.
    func run(_ words: [String], broken: Failure? = nil) async -> Int32 {
        if let line = CompletedLine(words, environment: environment) { return say(line.answer()) }
        if let broken { return refuse(words, broken) }
        let words = CommandPath.globalsBehindCommand(words)
        let path = CommandPath(words)
        if let page = path.helpRequest {
            // For an unknown command, another command's help is no answer.
            if let problem = UsageProblem.unknownCommand(page) {
                return refuse(words, .usage(problem, at: page))
            }
            return say(HelpPage.text(page, width: terminal.outputWidth))
        }
        if !CommandPath.isForTheParser(words), let problem = UsageProblem.emptyWord(words) {
            return refuse(words, .usage(problem, at: path))
        }
        let command: any ParsableCommand
        do {
            command = try Kecsctl.parseAsRoot(words)
        } catch {
            guard Kecsctl.exitCode(for: error).isSuccess else {
                let problem = UsageProblem.unknownCommand(path) ?? UsageProblem.option(words, of: path)
                return refuse(
                    words,
                    problem.map { .usage($0, at: path) }
                        ?? .usage(Self.oneLine(Kecsctl.message(for: error)), at: path))
            }
            return say(Kecsctl.fullMessage(for: error))
        }
        guard let command = command as? any SessionCommand else {
            // A command without a subcommand that only holds others.
            if path.isRoot { return say(HelpPage.text(path, width: terminal.outputWidth)) }
            return refuse(words, Failure.usage("“\(path.name)” needs to know what to do", at: path))
        }
        return await perform(command, path: path, words)
    }

    private func perform(
        _ command: some SessionCommand, path: CommandPath, _ words: [String]
    ) async -> Int32 {
        let options = command.global
        if let output = options.output, !command.hasForms {
            return refuse(
                ["--log-format", options.logFormat.rawValue, "-o", output.rawValue],
                Failure(
                    .usage, "“\(path.name)” has no --output", cause: "its answer has only one form",
                    remedy: "kecsctl \(path.name) --help"))
        }
        var terminal = terminal
        if options.noColor { terminal.colour = false }
        let console = Console(
            terminal: terminal, format: options.logFormat, verbosity: options.verbose,
            isQuiet: options.quiet, clock: clock, output: output, errors: errors,
            measure: { Terminal.errorWidthNow() })
        bootstrapLog(console)
        let progress = ConsoleProgress(console: console, clock: clock)
        let home: Home
        do {
            home = try Home.find(flag: options.home?.text, environment: environment)
        } catch {
            console.fail(error)
            console.answer(error, in: options.output)
            return error.status
        }
        let machine = Machine(
            environment: environment,
            processes: SystemProcesses(
                environment: environment, cancellation: interruption.cancellation,
                log: console.verbosity > 1 ? { @Sendable line in console.note(.trace, line) } : nil),
            clock: clock,
            cancellation: interruption.cancellation, progress: progress)
        var site = Wiring.site(machine, home)
        // The steps of a recovery, in KECS's words; with --quiet only those that failed.
        site.log = { step in
            guard !console.isQuiet || step.hasPrefix("Failed") || step.hasPrefix("State recovery failed")
            else { return }
            console.note(.notice, step)
        }
        let telling = Session(site: site, console: console, options: options, command: path.name)
        site.tellRecovery = { await telling.notifyRecovery($0) }
        let session = Session(
            site: site, console: console, options: options, command: path.name, words: words)
        let invocation = Remedy.Invocation(
            home: home.path, isNamed: options.home != nil, words: words)
        let task = started(session, command, invocation)
        interruption.attach { task.cancel() }
        let watchdog = watch(options.timeout)
        let status = await task.value
        watchdog?.cancel()
        progress.finish()
        let kept = KeepHomeOwner(home: home).run()
        for error in kept.prefix(3) { console.note(.warning, "a file stays root's: \(error)") }
        return close(console, status, isForData: options.output != nil || !command.hasForms)
    }

    /// Starts the command. Not asynchronous, so that the value is bound before the task is made, which inherits it:
    /// nothing is bound across a change of executors.
    private func started(
        _ session: Session, _ command: some SessionCommand, _ invocation: Remedy.Invocation
    ) -> Task<Int32, Never> {
        Remedy.$invocation.withValue(invocation) {
            Task(executorPreference: workers) { await session.run(command) }
        }
    }

    private func watch(_ limit: TimeSpan?) -> Task<Void, Never>? {
        guard let limit else { return nil }
        return Task { [clock, interruption] in
            do { try await clock.sleep(for: limit.duration) } catch { return }
            interruption.cancel(.timeout)
        }
    }

    /// Closes the output. An answer that could not be written in full must not look complete.
    ///
    /// - Parameter isForData: True when the answer is what the command was called for. A caller that closed the output of
    ///   a backup wants no report, and its backup has not failed.
    private func close(_ console: Console, _ status: Int32, isForData: Bool = false) -> Int32 {
        guard let error = console.outputError, isForData || error != .badFileDescriptor else { return status }
        let failure = Failure(
            error == .noSpace ? .noRoom : .failed, "the answer could not be written to standard output",
            cause: "\(error)")
        console.fail(failure)
        return status == 0 ? failure.status : status
    }

    private func say(_ text: String) -> Int32 {
        let console = plainConsole(.text)
        console.answer(text.hasSuffix("\n") || text.isEmpty ? text : text + "\n")
        return close(console, 0)
    }

    /// Refuses a command line. An unreadable one has no options yet, so its words are searched for the two that decide
    /// on the form of the error.
    private func refuse(_ words: [String], _ failure: Failure) -> Int32 {
        let console = plainConsole(
            CommandPath.value(of: ["--log-format"], in: words).flatMap(LogFormat.init) ?? .text)
        console.fail(failure)
        console.answer(
            failure, in: CommandPath.value(of: ["-o", "--output"], in: words).flatMap(OutputFormat.init))
        return failure.status
    }

    private func plainConsole(_ format: LogFormat) -> Console {
        Console(terminal: terminal, format: format, clock: clock, output: output, errors: errors)
    }

    /// The first argument of this process that is not UTF-8, or its home: in `words` it stands for another name.
    static func notText(_ words: [String]) -> Failure? {
        if let word = ProgramArguments.broken {
            return Failure(
                .usage, "the argument “\(word)” is not UTF-8",
                cause:
                    "a name in a backup is given as “backups ls” prints it; a file or folder needs another name, "
                    + "or a link with one")
        }
        guard CommandPath.value(of: ["--home"], in: words) == nil else { return nil }
        let name = (getenv("KECS_HOME").map { $0.pointee != 0 } ?? false) ? "KECS_HOME" : "HOME"
        return ProgramArguments.broken(variable: name).map { place in
            Failure(
                .usage, "\(name) is not UTF-8", cause: "it is “\(place)”",
                remedy: "kecsctl list --home /var/lib/kecs")
        }
    }

    /// The variables of this process. One that is not valid UTF-8 is repaired, as Swift does.
    static func environment() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text)
            if let equals = pair.firstIndex(of: "=") {
                variables[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
            }
            entry += 1
        }
        return variables
    }
}

extension Failure {
    fileprivate static func usage(_ problem: UsageProblem, at path: CommandPath) -> Failure {
        let name = path.isRoot ? "" : path.name + " "
        return Failure(.usage, problem.message, cause: problem.cause, remedy: "kecsctl \(name)--help")
    }

    fileprivate static func usage(_ message: String, at path: CommandPath) -> Failure {
        // ArgumentParser writes sentences; ours are clauses.
        var clause = message.hasSuffix(".") ? String(message.dropLast()) : message
        if clause.dropFirst().first?.isLowercase == true {
            clause = clause.prefix(1).lowercased() + clause.dropFirst()
        }
        let name = path.isRoot ? "" : path.name + " "
        return Failure(.usage, clause.isEmpty ? "wrong usage" : clause, remedy: "kecsctl \(name)--help")
    }
}
