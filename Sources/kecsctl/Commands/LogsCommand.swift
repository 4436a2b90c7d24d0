// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Kecs
import KecsSystem

struct LogsCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Print the log of an instance's server.",
        discussion: """
            What a server in a container wrote to its standard error comes out on standard error.
            In a cluster both of its streams are one, and so they are in the file of a local server.
            """)

    static let help = CommandHelp(
        ExitStatus.common.union([10]), .init("kecsctl logs dev --tail 50", "its last 50 lines"),
        .init("kecsctl logs dev -f", "and follow new lines until Ctrl-C"))

    @OptionGroup var instance: OneInstanceArgument

    @Flag(name: .shortAndLong, help: "Follow the log.")
    var follow = false

    @Option(help: ArgumentHelp("The number of lines from the end.", valueName: "lines"))
    var tail = 200

    @Option(help: ArgumentHelp("Only lines newer than this, for servers in containers.", valueName: "time"))
    var since: TimeSpan?

    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    var hasForms: Bool { false }

    func validate() throws {
        guard tail >= 0 else { throw ValidationError("--tail wants a number of lines from 0") }
    }

    func run(_ session: Session) async throws -> Int32 {
        let name = try session.one(instance.selection, unnamed: .theOnlyOne)
        let instance = try session.site.instance(name)
        let request = LogRequest(tail: tail, follow: follow, since: since)
        let sink = LogSink(
            output: { [console = session.console] in console.answer(bytes: $0) },
            errors: { [console = session.console] in console.pass(bytes: $0) })
        if try await session.site.runtime(instance).log(request, to: sink) { return 0 }
        guard since == nil else {
            throw Failure(
                .usage, "--since is only for servers in containers",
                cause: "the log of “\(name)” is a file whose lines have no time of ours",
                remedy: "kecsctl logs \(name) --tail \(tail)")
        }
        let log = LogTail(instance.folder.serverLog)
        for line in try log.last(tail) { session.console.answer(line + "\n") }
        if follow {
            try await log.follow(clock: session.machine.clock, cancellation: session.machine.cancellation) {
                session.console.answer(bytes: $0)
            }
        }
        return 0
    }
}
