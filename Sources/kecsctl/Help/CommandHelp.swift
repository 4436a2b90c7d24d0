// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// The help of a command other than its flags: two examples or more at its start, its exit statuses at its end.
struct CommandHelp: Sendable {
    var examples: [Example]
    var statuses: Set<Int32>

    struct Example: Hashable, Sendable {
        /// A whole command line that can be pasted.
        let line: String
        let what: String
        init(_ line: String, _ what: String) {
            self.line = line
            self.what = what
        }
    }

    init(_ statuses: Set<Int32>, _ examples: Example...) {
        self.statuses = statuses
        self.examples = examples
    }
}

/// A command or a group of commands.
protocol HelpedCommand: ParsableCommand {
    static var help: CommandHelp { get }
}
