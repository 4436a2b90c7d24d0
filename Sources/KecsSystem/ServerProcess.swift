// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Subprocess
public import SystemPackage

/// A server that keeps running when this program has ended: in a session of its own, away from the terminal.
public struct ServerProcess: Sendable {
    private let words: [String]
    private let folder: FilePath
    private let log: FilePath
    private let environment: [String: String]

    /// - Parameters:
    ///   - command: Split as a shell would, run without one.
    ///   - folder: The server's working folder.
    ///   - log: The file to which the server's output is appended; created with mode 0600.
    ///   - environment: The whole environment. Its `PATH` is searched for the program.
    /// - Throws: `ShellWords.Failure`
    public init(
        command: String, folder: FilePath, log: FilePath, environment: [String: String]
    ) throws(ShellWords.Failure) {
        words = try ShellWords(command).words
        self.folder = folder
        self.log = log
        self.environment = environment
    }

    /// Starts it and returns as soon as it runs, which does not mean that it serves yet.
    ///
    /// Its parent is this process, which waits for it in the background, so that it leaves no zombie while this process
    /// lives; afterwards its parent is PID 1.
    ///
    /// - Throws: `ProcessError` or `FileError` when it could not be started; nothing is left behind then.
    public func start() async throws -> ProcessIdentity {
        let name = words[0]
        let program = try ProgramLookup.find(name, path: environment["PATH"])
        let isNewLog = try !log.isPresent
        let descriptors = try openDescriptors()
        defer { for descriptor in [descriptors.input, descriptors.log] { close(descriptor) } }
        do {
            return try await withCheckedThrowingContinuation { continuation in
                let configuration = configuration(program)
                Task {
                    // Resumed exactly once: from the body, which runs only after a start, or from a failed start.
                    var isStarted = false
                    do {
                        _ = try await Subprocess.run(
                            configuration,
                            input: .fileDescriptor(
                                FileDescriptor(rawValue: descriptors.input), closeAfterSpawningProcess: false),
                            output: .fileDescriptor(
                                FileDescriptor(rawValue: descriptors.log), closeAfterSpawningProcess: false),
                            error: .fileDescriptor(
                                FileDescriptor(rawValue: descriptors.log), closeAfterSpawningProcess: false)
                        ) { execution in
                            isStarted = true
                            continuation.resume(with: Self.identity(of: execution.processIdentifier.value))
                        }
                    } catch {
                        if !isStarted { continuation.resume(throwing: error) }
                    }
                }
            }
        } catch let error as SubprocessError {
            if isNewLog { _ = log.withPlatformString { paths_unlink($0) } }
            throw ProcessError.cannotStart(name, why: error.reason(folder: folder))
        }
    }

    /// Before the body of `run` returns the child cannot be reaped, so the pid is still its own.
    private static func identity(of pid: pid_t) -> Result<ProcessIdentity, any Error> {
        Result {
            do {
                if let identity = try ProcessIdentity.of(pid: pid) { return identity }
                throw ProcessError.cannotStart("\(pid)", why: "it is not in /proc")
            } catch {
                // A server that could never be stopped again must not stay.
                kill(-pid, SIGKILL)
                throw error
            }
        }
    }

    private func configuration(_ program: FilePath) -> Configuration {
        var options = PlatformOptions()
        options.createSession = true
        return Configuration(
            executable: .path(program),
            arguments: Arguments(executablePathOverride: words[0], remainingValues: Array(words.dropFirst())),
            environment: .variables(environment), workingDirectory: folder, platformOptions: options)
    }

    private func openDescriptors() throws -> (input: CInt, log: CInt) {
        let input = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw FileError.last("open", "/dev/null") }
        let output = log.withPlatformString {
            paths_open($0, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
        }
        // O_NONBLOCK was for a FIFO without a reader; the server gets an ordinary descriptor.
        guard output >= 0, fcntl(output, F_SETFL, O_APPEND) == 0 else {
            let error = FileError.last("open the log", log)
            for descriptor in [input, output] where descriptor >= 0 { close(descriptor) }
            throw error
        }
        return (input, output)
    }
}
