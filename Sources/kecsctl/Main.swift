// SPDX-License-Identifier: Apache-2.0
import Glibc
import Kecs
import KecsSystem
import Logging
import SystemPackage

/// The only place where the program ends.
///
/// Not asynchronous: an asynchronous `main` leaves the main thread to Dispatch, which waits there with every signal
/// unblocked. Here this thread waits for the signals, and the command runs on others.
@main
struct Main {
    static func main() {
        ProcessStart.prepare()
        let signals = Signals.block()
        let root = RootTask()
        start(root)
        var why: Interruption?
        while true {
            let next = signals.wait()
            if let why {
                // It does not stop fast enough for the user.
                SystemProcesses.killAll()
                _exit(CInt(why.rawValue))
            }
            why = next
            root.cancel(next)
        }
    }

    private nonisolated static func start(_ root: RootTask) {
        let environment = Program.environment()
        let workers: WorkerThreads
        do {
            workers = try WorkerThreads(count: Threads.processors + 2)
        } catch {
            let console = Console(
                terminal: .none, clock: SystemClock(), output: .standardOutput, errors: .standardError)
            let failure = Failure.describing(error)
            console.fail(failure)
            exit(failure.status)
        }
        let program = Program(
            environment: environment, interruption: root, workers: workers,
            output: .standardOutput, errors: .standardError,
            terminal: .current(environment: environment),
            bootstrapLog: { console in LoggingSystem.bootstrap { _ in ConsoleLog(console: console) } })
        let words = ProgramArguments.words
        let broken = Program.notText(words)
        Task(executorPreference: program.workers) { exit(await program.run(words, broken: broken)) }
    }
}
