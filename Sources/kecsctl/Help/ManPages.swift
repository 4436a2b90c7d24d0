// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// The man pages, written from the commands themselves: the same text on every machine and every day.
enum ManPages {
    struct Page: Hashable {
        /// "kecsctl-backups-list.1"
        let file: String
        let text: String
    }

    static func all() throws -> [Page] {
        pages(try ToolInfo.ofKecsctl(), type: Kecsctl.self)
    }

    private static func pages(_ command: ToolInfo.Command, type: any ParsableCommand.Type) -> [Page] {
        let subpages = command.visibleSubcommands.flatMap { sub -> [Page] in
            guard
                let subtype = type.configuration.subcommands.first(where: {
                    $0._commandName == sub.commandName
                })
            else { return [] }
            return pages(sub, type: subtype)
        }
        let name = ((command.superCommands ?? []) + [command.commandName]).joined(separator: "-")
        return [Page(file: name + ".1", text: text(command, name: name, type: type))] + subpages
    }

    private static func text(
        _ command: ToolInfo.Command, name: String, type: any ParsableCommand.Type
    ) -> String {
        let line = ((command.superCommands ?? []) + [command.commandName]).joined(separator: " ")
        let help = (type as? any HelpedCommand.Type)?.help
        var page = ManPage()
        page.macro("Dd", Version.date.month, "\(Version.date.day),", "\(Version.date.year)")
        page.macro("Dt", name.uppercased(), "1")
        page.macro("Os", "kecsctl")
        page.section("NAME")
        page.macro("Nm", name)
        page.macro("Nd", lowercasedFirst(command.abstract ?? ""))
        page.section("SYNOPSIS")
        page.synopsis(line, command)
        page.section("DESCRIPTION")
        page.paragraph(command.abstract ?? "")
        for paragraph in (command.discussion ?? "").split(separator: "\n\n") {
            page.macro("Pp")
            page.paragraph(paragraph.replacing("\n", with: " "))
        }
        if let aliases = command.aliases, !aliases.isEmpty {
            page.macro("Pp")
            page.paragraph("It may also be written \(aliases.joined(separator: ", ")).")
        }
        page.subcommands(command.visibleSubcommands, of: name)
        page.arguments((command.arguments ?? []).filter(\.shouldDisplay))
        if let help {
            page.exitStatus(help.statuses)
            page.examples(help.examples)
        }
        if command.superCommands?.isEmpty == false { page.seeAlso(command.superCommands ?? []) }
        return page.text
    }

    /// Returns "Print the …." in the form that mdoc wants after a name: without a capital and a full stop.
    private static func lowercasedFirst(_ text: String) -> String {
        let clause = text.hasSuffix(".") ? String(text.dropLast()) : text
        return clause.prefix(1).lowercased() + clause.dropFirst()
    }
}
