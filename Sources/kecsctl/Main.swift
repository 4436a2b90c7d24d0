// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import Logging
import SystemPackage

/// The only place where the program ends.
@main
struct Main {
    static func main() async {
        ProcessStart.prepare()
        let interruption = RootTask()
        Signals.listen(
            first: { why in interruption.cancel(why) },
            second: { why in
                SystemProcesses.killAll()
                _exit(CInt(why.rawValue))
            })
        let environment = Program.environment()
        let program = Program(
            environment: environment, interruption: interruption,
            output: .standardOutput, errors: .standardError,
            terminal: .current(environment: environment),
            bootstrapLog: { console in LoggingSystem.bootstrap { _ in ConsoleLog(console: console) } })
        exit(await program.run(Array(CommandLine.arguments.dropFirst())))
    }
}
