// SPDX-License-Identifier: Apache-2.0

/// A page in mdoc(7), line by line.
struct ManPage {
    private(set) var text = ".\\\" Written by “make man” from the commands; do not edit.\n"

    mutating func macro(_ name: String, _ words: String...) {
        text += ".\(name)" + words.map { " " + Self.word($0) }.joined() + "\n"
    }

    mutating func section(_ title: String) { macro("Sh", title) }

    mutating func paragraph(_ words: some StringProtocol) {
        // mdoc(7) wants each sentence on a line of its own; a leading point or apostrophe would be a request.
        for sentence in String(words).replacing(". ", with: ".\n").split(separator: "\n") {
            let line = Self.escape(String(sentence))
            text += (line.hasPrefix(".") || line.hasPrefix("'") ? "\\&" : "") + line + "\n"
        }
    }

    mutating func synopsis(_ line: String, _ command: ToolInfo.Command) {
        macro("Nm", line)
        if !command.visibleSubcommands.isEmpty {
            macro("Ar", "command")
            return
        }
        macro("Op", "Ar", "options")
        for argument in command.arguments ?? [] where argument.kind == .positional && argument.shouldDisplay {
            let name = (argument.valueName ?? "argument") + (argument.isRepeating ? " ..." : "")
            argument.isOptional ? macro("Op", "Ar", name) : macro("Ar", name)
        }
    }

    mutating func subcommands(_ commands: [ToolInfo.Command], of name: String) {
        guard !commands.isEmpty else { return }
        section("COMMANDS")
        text += ".Bl -tag -width Ds\n"
        for command in commands {
            macro("It", "Xr", "\(name)-\(command.commandName)", "1")
            paragraph(command.abstract ?? "")
        }
        macro("El")
    }

    mutating func arguments(_ arguments: [ToolInfo.Argument]) {
        guard !arguments.isEmpty else { return }
        section("OPTIONS")
        text += ".Bl -tag -width Ds\n"
        for argument in arguments {
            let value = "<\(argument.valueName ?? "value")>"
            let title: String
            switch argument.kind {
            case .positional: title = value + (argument.isRepeating ? " ..." : "")
            case .flag: title = Self.names(argument)
            case .option: title = Self.names(argument) + " " + value
            }
            text += ".It " + Self.escape(title).replacing("-", with: "\\-") + "\n"
            paragraph(argument.abstract ?? "")
            if let values = argument.allValueStrings, !values.isEmpty, argument.kind == .option {
                paragraph("One of: \(values.joined(separator: ", ")).")
            }
            if let standard = argument.defaultValue, !standard.isEmpty {
                paragraph("Default: \(standard).")
            }
        }
        macro("El")
    }

    mutating func exitStatus(_ statuses: Set<Int32>) {
        section("EXIT STATUS")
        text += ".Bl -tag -width Ds\n"
        for (status, meaning) in ExitStatus.meanings where statuses.contains(status) {
            macro("It", "\(status)")
            paragraph(meaning)
        }
        macro("El")
    }

    mutating func examples(_ examples: [CommandHelp.Example]) {
        section("EXAMPLES")
        for (index, example) in examples.enumerated() {
            if index > 0 { macro("Pp") }
            paragraph(example.what.prefix(1).uppercased() + example.what.dropFirst() + ":")
            text += ".Bd -literal -offset indent\n"
            text += Self.escape(example.line).replacing("-", with: "\\-") + "\n"
            macro("Ed")
        }
    }

    mutating func seeAlso(_ parents: [String]) {
        section("SEE ALSO")
        macro("Xr", parents.joined(separator: "-"), "1")
    }

    private static func names(_ argument: ToolInfo.Argument) -> String {
        (argument.names ?? []).sorted { $0.name.count < $1.name.count }.map(\.text).joined(separator: ", ")
    }

    private static func word(_ text: String) -> String {
        let escaped = escape(text)
        return escaped.contains(" ") ? "\"\(escaped.replacing("\"", with: "\\(dq"))\"" : escaped
    }

    private static func escape(_ text: String) -> String {
        text.replacing("\\", with: "\\e").replacing("“", with: "\\(lq").replacing("”", with: "\\(rq")
            .replacing("…", with: "...").replacing("~", with: "\\(ti")
    }
}
