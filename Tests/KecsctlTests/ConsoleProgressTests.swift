// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import Synchronization
import SystemPackage
import Testing

@testable import kecsctl

@Suite struct ConsoleProgressTests {
    /// A clock that moves when it is told to.
    private final class Clock: WallClock {
        private let time = Mutex(Duration.zero)
        func now() -> Moment { Moment(seconds: 0) }
        func sleep(for duration: Duration) async throws {}
        func elapsed() -> Duration { time.withLock { $0 } }
        func pass(_ duration: Duration) { time.withLock { $0 += duration } }
    }

    private let clock = Clock()

    private func caught(
        terminal: Terminal = .none, verbosity: Int = 0, isQuiet: Bool = false,
        _ body: (ConsoleProgress) -> Void
    ) async throws -> String {
        try await TestFolder().capture { output, errors in
            let console = Console(
                terminal: terminal, verbosity: verbosity, isQuiet: isQuiet, clock: clock, output: output,
                errors: errors)
            let progress = ConsoleProgress(console: console, clock: clock)
            body(progress)
            progress.finish()
            return 0
        }.errors
    }

    @Test func `in a log a plain line comes at most every ten seconds`() async throws {
        let text = try await caught { progress in
            progress.step("reading data", total: 1000)
            for _ in 0..<250 {
                clock.pass(.milliseconds(100))
                progress.advance(4)
            }
        }
        #expect(
            text == """
                kecsctl: info: reading data  40%  400 B of 1.0 kB  40 B/s  0:15 left
                kecsctl: info: reading data  80%  800 B of 1.0 kB  40 B/s  0:05 left

                """)
    }

    /// The lines of progress. Each is written while the terminal does not continue on the next line.
    private func drawn(_ text: String) throws -> [String] {
        try text.split(separator: "\r\u{1b}[K").map { line in
            let (off, on) = ("\u{1b}[?7l", "\u{1b}[?7h")
            try #require(line.hasPrefix(off) && line.hasSuffix(on), "\(line.debugDescription)")
            return String(line.dropFirst(off.count).dropLast(on.count))
        }
    }

    @Test func `on a terminal one line is rewritten at most ten times a second, and cleared at the end`()
        async throws
    {
        let text = try await caught(terminal: Terminal(errorWidth: 30)) { progress in
            progress.step("reading", total: nil)
            for _ in 0..<1000 {
                clock.pass(.milliseconds(1))
                progress.advance(1000)
            }
        }
        let lines = try drawn(text)
        #expect((9...10).contains(lines.count))
        #expect(lines.last == "reading  1.0 MB  1.0 MB/s")
        #expect(text.hasSuffix("\r\u{1b}[K"))
        #expect(!text.contains("\n"))
    }

    @Test func `quiet says nothing, verbose tells the end of each step`() async throws {
        let work: (ConsoleProgress) -> Void = { progress in
            progress.step("reading", total: 10)
            clock.pass(.seconds(2))
            progress.advance(10)
            progress.step("checking", total: nil)
        }
        #expect(try await caught(isQuiet: true, work) == "")
        #expect(
            try await caught(verbosity: 1, work)
                == "kecsctl: info: reading: done in 2.0 s, 10 B\nkecsctl: info: checking: done in 0.0 s\n")
    }

    @Test(arguments: [
        (200, "reading data  45%  450 kB of 1.0 MB  225 kB/s  0:03 left"),
        (80, "reading data  45%  450 kB of 1.0 MB  225 kB/s  0:03 left"),
        (40, "reading data  45%  225 kB/s  0:03 left"), (35, "reading data  45%  0:03 left"),
        (20, "reading data  45%"), (12, "readin…  45%"), (7, "r…  45%"),
    ])
    func `the line fits into the terminal, and the share stays to the last`(width: Int, line: String) {
        #expect(
            ConsoleProgress.line(
                "reading data", done: 450_000, total: 1_000_000, after: .seconds(2), width: width)
                == line)
    }

    @Test func `the terminal is measured for every line, and wide characters count as two`() async throws {
        let width = Mutex(30)
        let text = try await TestFolder().capture { output, errors in
            let console = Console(
                terminal: Terminal(errorWidth: 80), clock: clock, output: output, errors: errors,
                measure: { width.withLock { $0 } })
            let progress = ConsoleProgress(console: console, clock: clock)
            progress.step("漢字漢字漢字漢字漢字", total: nil)
            for columns in [30, 16, 9] {
                width.withLock { $0 = columns }
                clock.pass(.milliseconds(100))
                progress.advance(1)
            }
            progress.finish()
            return 0
        }.errors
        #expect(try drawn(text) == ["漢字漢字漢字漢字漢字  1 B", "漢字漢字漢字漢…", "漢字漢…"])
    }

    @Test func `what grows while it is read never shows more than all of it`() {
        #expect(
            ConsoleProgress.line("x", done: 2000, total: 1000, after: .seconds(1))
                == "x  100%  2.0 kB of 2.0 kB  2.0 kB/s")
    }
}

@Suite struct DurationTextTests {
    @Test(arguments: [
        (Duration.milliseconds(440), "0.4 s"), (.seconds(12.34), "12.3 s"), (.seconds(59.97), "1 min"),
        (.seconds(245), "4 min 5 s"), (.seconds(7800), "2 h 10 min"), (.seconds(270_000), "3 d 3 h"),
    ])
    func `lengths of time for people`(duration: Duration, text: String) {
        #expect(DurationText.short(duration) == text)
    }

    @Test func `a clock counts down in hours, minutes and seconds`() {
        #expect(DurationText.clock(.seconds(6.2)) == "0:07")
        #expect(DurationText.clock(.seconds(3723)) == "1:02:03")
    }
}
