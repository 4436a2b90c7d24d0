// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FoundationEssentials

/// What ArgumentParser tells of the commands in JSON (its `ToolInfoV0`, of which the module is not a product).
struct ToolInfo: Decodable {
    let command: Command

    struct Command: Decodable {
        let superCommands: [String]?
        let shouldDisplay: Bool
        let commandName: String
        let aliases: [String]?
        let abstract: String?
        let discussion: String?
        let subcommands: [Command]?
        let arguments: [Argument]?

        var visibleSubcommands: [Command] {
            (subcommands ?? []).filter { $0.shouldDisplay && $0.commandName != "help" }
        }
    }

    struct Argument: Decodable {
        enum Kind: String, Decodable { case positional, option, flag }
        struct Name: Decodable {
            enum Kind: String, Decodable { case long, short, longWithSingleDash }
            let kind: Kind
            let name: String
            var text: String { (kind == .long ? "--" : "-") + name }
        }
        let kind: Kind
        let shouldDisplay: Bool
        let sectionTitle: String?
        let isOptional: Bool
        let isRepeating: Bool
        let names: [Name]?
        let valueName: String?
        let defaultValue: String?
        let allValueStrings: [String]?
        let abstract: String?

        private enum CodingKeys: String, CodingKey {
            case kind, shouldDisplay, sectionTitle, isOptional, isRepeating, names, valueName, defaultValue,
                abstract
            case allValueStrings = "allValues"
        }
    }

    static func ofKecsctl() throws -> Command {
        try JSONDecoder().decode(ToolInfo.self, from: Data(Kecsctl._dumpHelp().utf8)).command
    }
}
