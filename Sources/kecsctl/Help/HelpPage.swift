// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// `--help`: two examples, the parser's text, the exit statuses.
enum HelpPage {
    static func text(_ path: CommandPath, width: Int?) -> String {
        let columns = max(60, width ?? 80)
        let body = Kecsctl.helpMessage(for: path.command, columns: columns)
        guard let help = (path.command as? any HelpedCommand.Type)?.help else { return body }
        return examples(help.examples) + "\n" + body + (body.hasSuffix("\n") ? "\n" : "\n\n")
            + statuses(help.statuses)
    }

    private static func examples(_ examples: [CommandHelp.Example]) -> String {
        let column = min(48, examples.map(\.line.count).max() ?? 0)
        return "EXAMPLES:\n"
            + examples.map { example in
                let gap =
                    example.line.count > column
                    ? "\n" + String(repeating: " ", count: column + 4)
                    : String(repeating: " ", count: column - example.line.count + 2)
                return "  " + example.line + gap + example.what + "\n"
            }.joined()
    }

    private static func statuses(_ statuses: Set<Int32>) -> String {
        "EXIT STATUS:\n"
            + ExitStatus.meanings.filter { statuses.contains($0.status) }.map { status, meaning in
                "  \(status)" + String(repeating: " ", count: 6 - "\(status)".count) + meaning + "\n"
            }.joined()
    }
}
