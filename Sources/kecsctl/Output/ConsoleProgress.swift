// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import Logging
import Synchronization

/// Progress on standard error: on a terminal one line, rewritten at most ten times a second; in a log a plain line at
/// most every ten seconds, and with `-v` one at the end of each step; with `--quiet` nothing.
final class ConsoleProgress: ProgressSink {
    private let console: Console
    private let clock: any WallClock
    private let state: Mutex<State>
    private let interval: Duration

    private struct State {
        var step: Step?
        var nextLine: Duration
    }

    private struct Step {
        var text: String
        var total: Int64?
        var done: Int64 = 0
        var start: Duration
    }

    init(console: Console, clock: any WallClock) {
        self.console = console
        self.clock = clock
        interval = console.terminal.errorWidth != nil ? .milliseconds(100) : .seconds(10)
        state = Mutex(State(nextLine: clock.elapsed() + interval))
    }

    func step(_ text: String, total: Int64?) {
        let now = clock.elapsed()
        state.withLock { state in
            endStep(&state, at: now)
            state.step = Step(text: text, total: total, start: now)
            show(&state, at: now)
        }
    }

    func advance(_ bytes: Int64) {
        let now = clock.elapsed()
        state.withLock { state in
            state.step?.done += bytes
            show(&state, at: now)
        }
    }

    /// Ends the progress: the operation is over.
    func finish() {
        let now = clock.elapsed()
        state.withLock { endStep(&$0, at: now) }
        console.endProgress()
    }

    private func endStep(_ state: inout State, at now: Duration) {
        guard let step = state.step else { return }
        state.step = nil
        guard console.verbosity > 0 else { return }
        let size = step.done > 0 ? ", \(ByteCount(step.done))" : ""
        console.note(.info, "\(step.text): done in \(DurationText.short(now - step.start))\(size)")
    }

    private func show(_ state: inout State, at now: Duration) {
        guard now >= state.nextLine, !console.isQuiet, let step = state.step else { return }
        state.nextLine = now + interval
        func line(_ width: Int?) -> String {
            Self.line(step.text, done: step.done, total: step.total, after: now - step.start, width: width)
        }
        if console.terminal.errorWidth != nil {
            console.progress { line($0) }
        } else {
            console.note(.info, line(nil))
        }
    }

    /// "reading data  45%  102 MB of 230 MB  312 MB/s  0:01 left"
    ///
    /// - Parameter width: The columns. If the line is too long, the amounts go first, then the rate, then the remaining
    ///   time; at last the text is cut, as the percentage is the most useful part. Nil: nothing is left out.
    static func line(
        _ text: String, done: Int64, total: Int64?, after time: Duration, width: Int? = nil
    ) -> String {
        let fields = fields(done: done, total: total, after: time)
        // The parts with the lowest rank are dropped first.
        for rank in 0...4 {
            let shown = fields.filter { $0.rank >= rank }.map { $0.text }
            let line = ([text] + shown).joined(separator: "  ")
            guard let width, Cells.count(line) > width else { return line }
            guard rank == 4 else { continue }
            let rest = shown.map { "  " + $0 }.joined()
            let room = width - Cells.count(rest)
            return room < 2 ? line : String(Cells.prefix(text, room - 1)) + "…" + rest
        }
        return text
    }

    private static func fields(
        done: Int64, total: Int64?, after time: Duration
    ) -> [(text: String, rank: Int)] {
        guard done > 0 else { return [] }
        var fields: [(text: String, rank: Int)] = []
        if let total, total > 0 {
            // A file that grows while it is read must not show 103%.
            fields.append(("\(min(100, Int(Double(done) / Double(total) * 100)))%", 4))
            fields.append(("\(ByteCount(done)) of \(ByteCount(max(total, done)))", 0))
        } else {
            fields.append(("\(ByteCount(done))", 3))
        }
        let seconds = time / .seconds(1)
        guard seconds >= 0.5 else { return fields }
        let rate = Double(done) / seconds
        fields.append(("\(ByteCount(Int64(rate)))/s", 1))
        if let total, total > done {
            fields.append((DurationText.clock(.seconds(Double(total - done) / rate)) + " left", 2))
        }
        return fields
    }
}
