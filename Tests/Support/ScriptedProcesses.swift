// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
import Synchronization
public import Testing

/// A process runner that starts nothing: it holds a script of calls in their order, with the answer to each.
///
/// Any other call is an issue of the running test, and so is a call of the script that is not made. `finish()` finds
/// the calls that were not made, or the end of the object's life does.
public final class ScriptedProcesses: ProcessRunner {
    public struct Step: Sendable {
        let call: ProcessCall
        let answer: @Sendable (ProcessCall) throws -> ProcessResult
    }

    /// The error for a call outside the script; the issue is recorded already.
    public struct UnexpectedCall: Error, Hashable, Sendable {
        public let call: ProcessCall
    }

    private struct State {
        var steps: ArraySlice<Step>
        var calls: [ProcessCall] = []
        var isOver = false
    }

    private let state: Mutex<State>
    private let place: SourceLocation

    public init(_ steps: [Step], at place: SourceLocation = #_sourceLocation) {
        state = Mutex(State(steps: steps[...]))
        self.place = place
    }

    deinit { finish() }

    /// The calls so far, expected or not, with environment, input and limit.
    public var calls: [ProcessCall] { state.withLock { $0.calls } }

    /// Records the calls of the script that were not made. Only the first call of this function does.
    public func finish() {
        let left = state.withLock { state in
            defer { state.isOver = true }
            return state.isOver ? [] : state.steps
        }
        for step in left { complain("the call was not made: \(step.call.line)") }
    }

    public func run(_ call: ProcessCall) async throws -> ProcessResult {
        try Task.checkCancellation()
        return try answer(call)
    }

    public func stream(
        _ call: ProcessCall, output: @Sendable @escaping ([UInt8]) throws -> Void,
        errors: (@Sendable ([UInt8]) throws -> Void)?
    ) async throws -> ProcessResult {
        try Task.checkCancellation()
        var result = try answer(call)
        // Hands over pieces that split lines and records, as a pipe does.
        func hand(_ bytes: [UInt8], to taker: ([UInt8]) throws -> Void) rethrows {
            var rest = bytes[...]
            while !rest.isEmpty {
                try taker(Array(rest.prefix(1000)))
                rest = rest.dropFirst(1000)
            }
        }
        try hand(result.output, to: output)
        result.output = []
        if let errors {
            try hand(result.errors, to: errors)
            result.errors = []
        }
        return result
    }

    private func answer(_ call: ProcessCall) throws -> ProcessResult {
        let step = state.withLock { state -> Step? in
            state.calls.append(call)
            guard let next = state.steps.first, next.call.allows(call) else { return nil }
            return state.steps.popFirst()
        }
        if let step { return try step.answer(call) }
        let next = state.withLock { state in
            // The rest of the script would only repeat the complaint.
            defer { state.isOver = true }
            return state.steps.first
        }
        complain("unexpected call: \(call.line)\n   in its place: \(next.map { $0.call.line } ?? "no call")")
        throw UnexpectedCall(call: call)
    }

    private func complain(_ text: String) {
        Issue.record(Comment(rawValue: text), sourceLocation: place)
    }
}

extension ScriptedProcesses.Step {
    /// Returns a step with a fixed answer.
    ///
    /// - Parameters:
    ///   - call: The expected call. Program, arguments and input must be the same; environment and folder, if they are
    ///     given here.
    ///   - output: The text that it prints.
    public static func call(
        _ call: ProcessCall, output: String = "", errors: String = "", status: Int32 = 0
    ) -> Self {
        let result = ProcessResult(
            end: .exited(status), output: Array(output.utf8), errors: Array(errors.utf8))
        return Self(call: call) { _ in result }
    }

    /// Returns a step with any answer: a limit that passed, a missing program, a file that the program writes.
    public static func call(
        _ call: ProcessCall, answer: @escaping @Sendable (ProcessCall) throws -> ProcessResult
    ) -> Self {
        Self(call: call, answer: answer)
    }
}

extension ProcessCall {
    fileprivate var line: String {
        var line = ShellWords.quote([program] + arguments)
        if !environment.isEmpty { line += " environment: \(environment.sorted { $0.key < $1.key })" }
        if let folder { line += " folder: \(folder)" }
        switch input {
        case .none: break
        case .bytes(let bytes): line += " input: \(String(decoding: bytes.prefix(200), as: UTF8.self))"
        case .file(let path): line += " input: \(path)"
        case .pieces(let pieces): line += " input: \(pieces.count) pieces"
        }
        return line
    }

    fileprivate func allows(_ call: ProcessCall) -> Bool {
        program == call.program && arguments == call.arguments && input == call.input
            && (environment.isEmpty || environment == call.environment)
            && (folder == nil || folder == call.folder)
    }
}
