// SPDX-License-Identifier: Apache-2.0
public import SystemPackage

/// A call of another program, as data: an argument array, never a shell line. No secret may stand in `arguments`.
public struct ProcessCall: Hashable, Sendable {
    /// A name looked up on `$PATH`, or an absolute path.
    public var program: String
    public var arguments: [String]
    /// Changes to the inherited environment; nil removes a variable. `K3D_*` is always removed (k3d reads it as flags).
    public var environment: [String: String?] = [:]
    /// Variables with secrets. They are set whatever their names are.
    public var secrets: [String: Secret] = [:]
    public var folder: FilePath?
    public var input: Input = .none
    /// The limit from the start. Then SIGTERM to the whole process group, 10 s later SIGKILL.
    public var limit: Duration = .seconds(60)
    /// The time after which a call that moves nothing is taken for one that hangs, and ended as at its limit: fewer than
    /// 1 KiB that the program itself reads and writes, sockets included (`/proc/PID/io`, proc(5)). Nil for none.
    public var idleLimit: Duration?
    /// The limit of a stream's output. Further output is dropped, and the result says so; the child is not disturbed.
    public var outputLimit = 16 << 20
    /// True to start the call and let it end although the command is being interrupted: anything that was paused must
    /// be resumed.
    public var outlivesCancellation = false

    public enum Input: Hashable, Sendable {
        case none
        case bytes([UInt8])
        case file(FilePath)
        /// One after the other, as much at a time as the child takes.
        case pieces([Piece])
    }

    /// A stretch of an input that is not held in memory.
    public enum Piece: Hashable, Sendable {
        case bytes([UInt8])
        /// Of a regular file, `count` bytes from `offset` on. A file that has become shorter ends the call with an error.
        case part(of: FilePath, from: Int64, count: Int64)
    }

    public init(_ program: String, _ arguments: [String]) {
        self.program = program
        self.arguments = arguments
    }
    public init(_ program: String, _ arguments: String...) { self.init(program, arguments) }
}

/// The result of a call. A non-zero exit is a result, not an error: the caller decides.
public struct ProcessResult: Hashable, Sendable {
    public enum End: Hashable, Sendable {
        case exited(Int32)
        case signaled(Int32)
        /// The limit passed; the whole group has ended.
        case timedOut
    }
    public var end: End
    public var output: [UInt8]
    public var errors: [UInt8]
    /// True when either stream exceeded `outputLimit`.
    public var isCut: Bool
    public var duration: Duration

    public init(
        end: End, output: [UInt8] = [], errors: [UInt8] = [], isCut: Bool = false,
        duration: Duration = .zero
    ) {
        self.end = end
        self.output = output
        self.errors = errors
        self.isCut = isCut
        self.duration = duration
    }

    public var succeeded: Bool { end == .exited(0) }
    public var outputText: String { String(decoding: output, as: UTF8.self) }
    public var errorText: String { String(decoding: errors, as: UTF8.self) }
}

/// A call that could not be made at all.
public enum ProcessError: Error, Hashable, Sendable {
    /// Neither on `$PATH` nor at the path given.
    case notFound(String)
    case cannotStart(String, why: String)
}

/// Starts other programs. The real one is `SystemProcesses`; tests script it.
public protocol ProcessRunner: Sendable {
    /// Runs the call to its end, and reads both streams to theirs.
    ///
    /// - Throws: `ProcessError` when it cannot be started, `Interrupted`/`CancellationError` when cancelled: the
    ///   child's group is gone then.
    func run(_ call: ProcessCall) async throws -> ProcessResult
    /// Runs the call, and hands over standard output piece by piece as it comes (not collected), for logs and tar
    /// streams.
    ///
    /// - Parameter errors: Takes standard error likewise; nil collects it.
    func stream(
        _ call: ProcessCall, output: @Sendable @escaping ([UInt8]) throws -> Void,
        errors: (@Sendable ([UInt8]) throws -> Void)?
    ) async throws -> ProcessResult
    /// Returns this runner, unaffected by the command's interruption: for repairing what an interrupted command has
    /// begun.
    func uncancelled() -> any ProcessRunner
}

extension ProcessRunner {
    public func uncancelled() -> any ProcessRunner { self }

    public func stream(
        _ call: ProcessCall, output: @Sendable @escaping ([UInt8]) throws -> Void
    ) async throws -> ProcessResult {
        try await stream(call, output: output, errors: nil)
    }
}
