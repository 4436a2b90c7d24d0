// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The facts about the three standard streams: asked once, in `Main.swift`.
struct Terminal: Hashable, Sendable {
    /// True when a person can be asked: standard input and standard error are a terminal.
    var canAsk = false
    /// Columns of standard output; nil when it is no terminal.
    var outputWidth: Int?
    /// Columns of standard error; nil when it is no terminal.
    var errorWidth: Int?
    var colour = false

    static let none = Terminal()

    /// Returns the terminal's facts. Colour is for standard error only, where errors and warnings are: the answer has
    /// none.
    static func current(environment: [String: String]) -> Terminal {
        let errors = width(of: STDERR_FILENO)
        let plain = environment["NO_COLOR"]?.isEmpty == false || environment["TERM"] == "dumb"
        return Terminal(
            canAsk: isatty(STDIN_FILENO) == 1 && errors != nil,
            outputWidth: width(of: STDOUT_FILENO), errorWidth: errors,
            colour: errors != nil && !plain)
    }

    /// Columns of standard error at this moment; nil when it is no terminal.
    static func errorWidthNow() -> Int? { width(of: STDERR_FILENO) }

    private static func width(of stream: CInt) -> Int? {
        guard isatty(stream) == 1 else { return nil }
        var size = winsize()
        guard ioctl(stream, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
