// SPDX-License-Identifier: Apache-2.0
import Glibc
import Subprocess
import Synchronization
import SystemPackage

/// Starts other programs for real.
///
/// Each child leads a process group of its own, so that a limit or Ctrl-C reaches everything that it started. A Ctrl-C
/// at the terminal therefore does not reach the child directly: the `Cancellation`, or the task's cancellation, stops
/// it.
///
/// Starting and reaping need Swift's own thread pool, so code that blocks belongs on `WorkerThreads`. Limits, signals
/// and streams do not: they have a thread of their own for each child.
public struct SystemProcesses: ProcessRunner {
    private let environment: [String: String]
    private let cancellation: Cancellation
    private let grace: Duration
    private let log: (@Sendable (String) -> Void)?

    /// - Parameters:
    ///   - environment: The environment that children inherit, without `K3D_*`. Its `PATH` is searched for programs.
    ///   - grace: The time from SIGTERM to SIGKILL.
    ///   - log: Called after every call: `docker ps -a (exit 0, 0.03 s)`.
    public init(
        environment: [String: String], cancellation: Cancellation, grace: Duration = .seconds(10),
        log: (@Sendable (String) -> Void)? = nil
    ) {
        self.environment = environment
        self.cancellation = cancellation
        self.grace = grace
        self.log = log
    }

    /// SIGKILLs the groups of all calls that run in this process, for a second Ctrl-C. Takes a lock, so it may be
    /// called from any thread but not from within a signal handler.
    public static func killAll() { ProcessGroup.killAllRegistered() }

    public func run(_ call: ProcessCall) async throws -> ProcessResult {
        try await perform(call, output: nil, errors: nil)
    }

    /// - Parameters:
    ///   - output: Called on a separate thread, so it may block; while it does, the limit is not checked. When it
    ///     throws, the child's group is stopped and the error is thrown on.
    ///   - errors: Likewise, on the same thread.
    public func stream(
        _ call: ProcessCall, output: @Sendable @escaping ([UInt8]) throws -> Void,
        errors: (@Sendable ([UInt8]) throws -> Void)?
    ) async throws -> ProcessResult {
        try await perform(call, output: output, errors: errors)
    }

    public func uncancelled() -> any ProcessRunner {
        SystemProcesses(environment: environment, cancellation: Cancellation(), grace: grace, log: log)
    }

    private func perform(
        _ call: ProcessCall, output: (@Sendable ([UInt8]) throws -> Void)?,
        errors: (@Sendable ([UInt8]) throws -> Void)?
    ) async throws -> ProcessResult {
        if !call.outlivesCancellation {
            try cancellation.check()
            try Task.checkCancellation()
        }
        let start = ChildWatch.now()
        let task = Flag()
        let input: [ProcessCall.Piece] =
            switch call.input {
            case .bytes(let bytes): [.bytes(bytes)]
            case .pieces(let pieces): pieces
            case .none, .file: []
            }
        let rules = ChildWatch.Rules(
            deadline: start + call.limit, idle: call.idleLimit, grace: grace, outputLimit: call.outputLimit,
            input: input, output: output, errors: errors,
            isCancelled: { [cancellation] in
                !call.outlivesCancellation && (task.isSet || cancellation.reason != nil)
            })
        do {
            // A separate task: if this one were cancelled, Subprocess would stop reading at once, and would abandon the
            // group as soon as the leader is gone.
            let (status, findings) = try await withTaskCancellationHandler {
                try await Task { try await carryOut(call, rules) }.value
            } onCancel: {
                task.set()
            }
            let duration = findings.end - start
            switch findings.stopped {
            case .cancelled:
                note(call, "stopped", duration)
                try cancellation.check()
                throw CancellationError()
            case .reader(let error):
                note(call, "stopped: \(error)", duration)
                throw error
            case .limit, nil:
                var end = ProcessResult.End.timedOut
                if findings.stopped == nil {
                    end =
                        switch status {
                        case .exited(let code): .exited(code)
                        case .signaled(let signal): .signaled(signal)
                        }
                }
                note(call, end.words, duration)
                return ProcessResult(
                    end: end, output: findings.output, errors: findings.errors, isCut: findings.isCut,
                    duration: duration)
            }
        } catch let error as ProcessError {
            note(call, "not started: \(error)", ChildWatch.now() - start)
            throw error
        }
    }

    private func carryOut(
        _ call: ProcessCall, _ rules: ChildWatch.Rules
    ) async throws -> (TerminationStatus, ChildWatch.Findings) {
        guard !call.arguments.contains(where: { $0.utf8.contains(0) }) else {
            throw ProcessError.cannotStart(call.program, why: "an argument holds a NUL byte")
        }
        let environment = environment(of: call)
        let program = try ProgramLookup.find(call.program, path: environment["PATH"])
        var pipes: ChildPipes
        do {
            pipes = try ChildPipes(input: call.input)
        } catch {
            throw ProcessError.cannotStart(call.program, why: "\(error)")
        }
        var isStarted = false
        do {
            let result = try await Subprocess.run(
                configuration(call, program, environment),
                input: .fileDescriptor(
                    FileDescriptor(rawValue: pipes.theirs.input), closeAfterSpawningProcess: false),
                output: .fileDescriptor(
                    FileDescriptor(rawValue: pipes.theirs.output), closeAfterSpawningProcess: false),
                error: .fileDescriptor(
                    FileDescriptor(rawValue: pipes.theirs.errors), closeAfterSpawningProcess: false)
            ) { execution in
                isStarted = true
                let child = execution.processIdentifier
                let group = ProcessGroup(id: child.value)
                group.register()
                defer { group.unregister() }
                pipes.closeTheirs()
                let watch = ChildWatch(
                    group: group, handle: child.processDescriptor, pipes: pipes, rules: rules)
                return await withCheckedContinuation { continuation in
                    do {
                        try Threads.start(name: "child-\(child.value)") {
                            var watch = watch
                            continuation.resume(returning: watch.run())
                        }
                    } catch {
                        // The child runs already: it is watched from here, and blocks this thread until its end.
                        var watch = watch
                        continuation.resume(returning: watch.run())
                    }
                }
            }
            return (result.terminationStatus, result.closureResult)
        } catch let error as SubprocessError where !isStarted {
            pipes.closeTheirs()
            pipes.closeOurs()
            throw ProcessError.cannotStart(call.program, why: error.reason(folder: call.folder))
        }
    }

    private func configuration(
        _ call: ProcessCall, _ program: FilePath, _ environment: [String: String]
    ) -> Configuration {
        var options = PlatformOptions()
        options.processGroupID = 0
        return Configuration(
            executable: .path(program),
            arguments: Arguments(executablePathOverride: call.program, remainingValues: call.arguments),
            environment: .variables(environment), workingDirectory: call.folder, platformOptions: options)
    }

    private static let mark = try? Orphans.mark(.current())

    private func environment(of call: ProcessCall) -> [String: String] {
        var all = environment
        all[Orphans.variable] = Self.mark
        for (name, value) in call.environment { all[name] = value }
        return all.filter { !$0.key.hasPrefix("K3D_") }
            .merging(call.secrets.mapValues { $0.reveal() }) { _, secret in secret }
    }

    private func note(_ call: ProcessCall, _ end: String, _ duration: Duration) {
        guard let log else { return }
        let hundredths = Int((duration / .milliseconds(10)).rounded())
        let fraction = hundredths % 100
        log(
            "\(ShellWords.quote([call.program] + call.arguments).masked) "
                + "(\(end), \(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) s)")
    }
}

extension ProcessResult.End {
    fileprivate var words: String {
        switch self {
        case .exited(let code): "exit \(code)"
        case .signaled(let signal): "signal \(signal)"
        case .timedOut: "timed out"
        }
    }
}

/// A flag that is set once, from any thread.
private final class Flag: Sendable {
    private let state = Atomic<Bool>(false)
    var isSet: Bool { state.load(ordering: .relaxed) }
    func set() { state.store(true, ordering: .relaxed) }
}
