// SPDX-License-Identifier: Apache-2.0
import Glibc
import Kecs
import KecsSystem

extension Session {
    /// Asks before something that destroys.
    ///
    /// - Parameter what: The words of the command line that the answer is about, for the remedy.
    /// - Throws: `Failure` (64) when there is no one to ask, with the flag that answers; and when the answer is no.
    func confirm(_ question: String, about what: [String], change: ChangeOptions) throws {
        guard change.asks else { return }
        let again = words.isEmpty ? "\(command) \(what.joined(separator: " "))" : ShellWords.quote(words)
        let remedy = "kecsctl \(again) --yes"
        guard console.terminal.canAsk else {
            throw Failure(
                .usage, "“\(command)” needs confirmation",
                cause: "\(question) There is no terminal to ask on.",
                remedy: remedy)
        }
        console.line("\(question) [y/N] ")
        guard try ["y", "yes"].contains(readAnswer().lowercased()) else {
            throw Failure(.usage, "nothing was done", cause: "the answer was not yes", remedy: remedy)
        }
    }

    /// Reads a line of standard input; Ctrl-C is heard meanwhile.
    private func readAnswer() throws -> String {
        var ready = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        while poll(&ready, 1, 100) == 0 { try machine.cancellation.check() }
        try machine.cancellation.check()
        return readLine() ?? ""
    }
}
