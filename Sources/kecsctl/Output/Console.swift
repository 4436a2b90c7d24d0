// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import Logging
import Synchronization
import SystemPackage

/// The only writer to standard output and standard error.
///
/// A reader that went away (`| head`) is no error: the rest is dropped and the command continues to its end. Any other
/// failure to write the answer is an error, because the caller would take half an answer for the whole.
final class Console: Sendable {
    let terminal: Terminal
    let format: LogFormat
    let verbosity: Int
    let isQuiet: Bool
    private let output: FileDescriptor
    private let errors: FileDescriptor
    private let clock: any WallClock
    /// Measures the width of the terminal now: it may change during the command.
    private let measure: @Sendable () -> Int?
    private let state = Mutex(State())

    private struct State {
        var outputError: Errno?
        var hasAnswered = false
        /// True when the last line of the terminal holds progress that the next line must overwrite.
        var showsProgress = false
    }

    init(
        terminal: Terminal, format: LogFormat = .text, verbosity: Int = 0, isQuiet: Bool = false,
        clock: any WallClock, output: FileDescriptor, errors: FileDescriptor,
        measure: @escaping @Sendable () -> Int? = { nil }
    ) {
        self.terminal = terminal
        self.format = format
        self.verbosity = verbosity
        self.isQuiet = isQuiet
        self.clock = clock
        self.output = output
        self.errors = errors
        self.measure = measure
    }

    /// The error in writing the answer, a closed pipe excepted.
    var outputError: Errno? {
        state.withLock { $0.outputError.flatMap { $0 == .brokenPipe ? nil : $0 } }
    }

    /// True when there is still a reader, and space for the output.
    var takesMore: Bool { state.withLock { $0.outputError == nil } }

    func answer(_ text: String) { answer(bytes: Array(text.utf8)) }

    /// Prints unchanged bytes: a log of another program.
    func answer(bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        state.withLock { state in
            clearProgress(&state)
            state.hasAnswered = true
            guard state.outputError == nil else { return }
            do { _ = try output.writeAll(bytes) } catch {
                state.outputError = error as? Errno ?? .ioError
            }
        }
    }

    /// Passes another program's standard error on unchanged.
    func pass(bytes: [UInt8]) {
        state.withLock { state in
            clearProgress(&state)
            do { _ = try errors.writeAll(bytes) } catch {}
        }
    }

    func fail(_ failure: Failure, instance: String? = nil) {
        switch format {
        case .text: line(ErrorText.text(failure, colour: terminal.colour))
        case .json:
            json(
                LogLine(
                    time: clock.now(), level: "error", message: failure.message, instance: instance,
                    status: failure.status, cause: failure.cause?.masked,
                    remedy: failure.remedy.map(Remedy.line)))
        }
    }

    /// Prints the failure as the document that a script asked for; people have read it on standard error. Prints
    /// nothing when the answer, or a part of it, is already written: two documents would be invalid.
    func answer(_ failure: Failure, in form: OutputFormat?) {
        guard let form, form == .json || form == .yaml, !hasAnswered else { return }
        let answer = Answer(document: ErrorDocument(error: failure), table: { _ in "" }, names: [])
        do { self.answer(try answer.text(form, width: nil)) } catch { fail(.describing(error)) }
    }

    private var hasAnswered: Bool { state.withLock { $0.hasAnswered } }

    /// - Parameter details: The subjects of the line; `instance` has a field of its own in JSON.
    func note(_ level: Logger.Level, _ message: String, details: [String: String] = [:]) {
        let message = message.masked
        let details = details.mapValues(\.masked)
        switch format {
        case .text:
            let facts = details.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            let word = level == .warning && terminal.colour ? "\u{1b}[33mwarning\u{1b}[0m" : level.rawValue
            line("kecsctl: \(word): \((message + facts).printable)\n")
        case .json:
            var rest = details
            let instance = rest.removeValue(forKey: "instance")
            json(
                LogLine(
                    time: clock.now(), level: level.rawValue, message: message, instance: instance,
                    details: rest))
        }
    }

    /// Replaces the previous line of progress. Only for a terminal.
    ///
    /// - Parameter text: Makes the line for that many columns; a longer one is cut. The last column stays free: a
    ///   terminal with a full line continues on the next. It is told not to do that (DECAWM, DEC private mode 7) while the
    ///   line is written: it may have become narrower after its width was asked.
    func progress(_ text: (_ width: Int) -> String) {
        guard let width = measure() ?? terminal.errorWidth else { return }
        state.withLock { state in
            state.showsProgress = true
            let line = Cells.prefix(text(width - 1).printable, width - 1)
            send("\r\u{1b}[K\u{1b}[?7l\(line)\u{1b}[?7h")
        }
    }

    func endProgress() { state.withLock { clearProgress(&$0) } }

    private func json(_ line: LogLine) {
        do { self.line(try JSONText.line(line) + "\n") } catch { self.line("\(line.message.printable)\n") }
    }

    /// - Parameter text: The text with its newline, which only a question lacks.
    func line(_ text: String) {
        state.withLock { state in
            clearProgress(&state)
            send(text)
        }
    }

    private func clearProgress(_ state: inout State) {
        guard state.showsProgress else { return }
        state.showsProgress = false
        send("\r\u{1b}[K")
    }

    /// A failure to write to standard error cannot be reported anywhere.
    private func send(_ text: String) {
        do { _ = try errors.writeAll(text.utf8) } catch {}
    }
}
